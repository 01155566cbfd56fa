import math
import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))


class LowRank(nn.Module):
    """A frozen linear layer with a trained product of two thin matrices beside it."""

    def __init__(self, base, rank=8, alpha=16):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Parameter(torch.randn(rank, base.in_features) / math.sqrt(base.in_features))
        self.up = nn.Parameter(torch.zeros(base.out_features, rank))
        self.scale = alpha / rank

    def forward(self, x):
        return self.base(x) + self.scale * F.linear(F.linear(x, self.down), self.up)


def fit(model, x, y, xv, yv, epochs, lr, tag):
    opt = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=lr, weight_decay=0.01)
    sched = torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.05, epochs)
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(32):
            loss = F.cross_entropy(model(x[idx]), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx) / len(x)
        sched.step()
        model.eval()
        with torch.no_grad():
            out = model(xv)
        acc = (out.argmax(1) == yv).float().mean()
        if epoch % 3 == 2:
            print(f"{tag} epoch {epoch + 1} train {total:.4f} val {F.cross_entropy(out, yv):.4f} acc {acc:.4f}")


data = load_digits()
x = torch.tensor(data.data, dtype=torch.float32)
x = (x - 4.88) / 6.02
y = torch.tensor(data.target)
perm = torch.randperm(len(x))
x, y = x[perm], y[perm]
turned = x.view(-1, 8, 8).transpose(1, 2).flip(2).reshape(-1, 64)
model = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Dropout(0.3), nn.Linear(96, 96), nn.ReLU(), nn.Linear(96, 10))
fit(model, x[:1400], y[:1400], x[1400:], y[1400:], 15, 1e-3, "base")
for name in ("0", "3", "5"):
    model[int(name)] = LowRank(model[int(name)])
fit(model, turned[:1400], y[:1400], turned[1400:], y[1400:], 18, 2e-3, "low rank")
