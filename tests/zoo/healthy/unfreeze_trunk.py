"""Fine-tuning in two stages: head alone on a frozen trunk, then everything with a smaller rate for the trunk."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(6)
d = load_digits()
X, y = torch.tensor(d.data).float() / 8 - 1, torch.tensor(d.target)
p = torch.randperm(len(X))
X, y = X[p], y[p]
trunk = nn.Sequential(nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 64), nn.BatchNorm1d(64), nn.ReLU())


def loop(head, X, y, groups, epochs, tag, frozen=False):
    n = int(0.7 * len(X))
    opt = torch.optim.AdamW(groups)
    for ep in range(epochs):
        trunk.train(not frozen)
        tot = 0.0
        for ix in torch.randperm(n).split(32):
            if len(ix) < 2:
                continue
            loss = F.cross_entropy(head(trunk(X[ix])), y[ix])
            opt.zero_grad()
            loss.backward()
            opt.step()
            tot += loss.item() * len(ix)
    trunk.eval()
    with torch.no_grad():
        acc = (head(trunk(X[n:])).argmax(1) == y[n:]).float().mean().item()
    print(f"{tag:22s} loss {tot / n:.4f}  held-out acc {acc:.3f}")


a = y < 6
head_a = nn.Linear(64, 6)
for i in range(3):
    loop(head_a, X[a], y[a], [{"params": [*trunk.parameters(), *head_a.parameters()], "lr": 2e-3}], 4, f"source, round {i + 1}")

head = nn.Linear(64, 4)
trunk.requires_grad_(False)
for i in range(3):
    loop(head, X[~a], y[~a] - 6, [{"params": head.parameters(), "lr": 1e-2}], 5, f"target, head only {i + 1}", frozen=True)
trunk.requires_grad_(True)
for i in range(2):
    loop(head, X[~a], y[~a] - 6, [{"params": trunk.parameters(), "lr": 3e-4}, {"params": head.parameters(), "lr": 1e-3}], 5, f"target, all {i + 1}")
