"""Low-rank adapters: pre-train on digits, then adapt the frozen net to photographic negatives with shuffled class names."""
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(0)
X, y = load_digits(return_X_y=True)
X = (X / 16.0 - 0.305) / 0.376
Xa, Xb, ya, yb = train_test_split(X.astype(np.float32), y, test_size=0.5, random_state=1, stratify=y)
Xa, Xb, ya, yb = map(torch.as_tensor, (Xa, Xb, ya, yb))


class LoRALinear(nn.Module):
    def __init__(self, base: nn.Linear, rank=8, alpha=16.0):
        super().__init__()
        self.base = base
        self.A = nn.Parameter(torch.randn(rank, base.in_features) / base.in_features ** 0.5)
        self.B = nn.Parameter(torch.zeros(base.out_features, rank))
        self.scale = alpha / rank

    def forward(self, x):
        return self.base(x) + self.scale * F.linear(F.linear(x, self.A), self.B)


def fit(model, params, X, y, epochs, lr, tag):
    opt = torch.optim.Adam(params, lr=lr)
    for ep in range(epochs):
        model.train()
        tot = 0.0
        for idx in torch.randperm(len(X)).split(64):
            opt.zero_grad()
            loss = F.cross_entropy(model(X[idx]), y[idx])
            loss.backward()
            opt.step()
            tot += loss.item() * len(idx)
        if ep % 5 == 4:
            print(f"[{tag}] epoch {ep + 1:3d}  loss {tot / len(X):.4f}")


def accuracy(model, X, y):
    model.eval()
    with torch.no_grad():
        return (model(X).argmax(1) == y).float().mean().item()


model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
fit(model, model.parameters(), Xa, ya, 15, 2e-3, "pretrain")
print("source accuracy", round(accuracy(model, Xb, yb), 3))

# new domain: inverted contrast, classes renamed
perm = torch.randperm(10)
tr, te = torch.arange(0, 600), torch.arange(600, len(Xb))
Xn, yn = -Xb, perm[yb]

for p in model.parameters():
    p.requires_grad_(False)
for i in (0, 2, 4):
    model[i] = LoRALinear(model[i])
adapters = [p for p in model.parameters() if p.requires_grad]
print("trainable:", sum(p.numel() for p in adapters), "before:", round(accuracy(model, Xn[te], yn[te]), 3))
fit(model, adapters, Xn[tr], yn[tr], 30, 3e-3, "lora")
print("target accuracy", round(accuracy(model, Xn[te], yn[te]), 3))
