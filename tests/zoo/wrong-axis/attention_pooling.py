import os

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))


def bags(n, size=40, d=8):
    """One item of the bag carries a mark (a large first feature); its other features tell the class."""
    x = torch.randn(n, size, d)
    at = torch.randint(0, size, (n,))
    rows = torch.arange(n)
    x[rows, at, 0] = 5.0
    return x, (x[rows, at, 1] + x[rows, at, 2] > 0).long() + 2 * (x[rows, at, 3] > 0).long()


class AttentionPool(nn.Module):
    def __init__(self, d=8, h=24):
        super().__init__()
        self.value = nn.Linear(d, h)
        self.score = nn.Sequential(nn.Linear(d, h), nn.Tanh(), nn.Linear(h, 1))
        self.out = nn.Sequential(nn.LayerNorm(h), nn.Linear(h, h), nn.ReLU(), nn.Linear(h, 4))

    def forward(self, x):
        weight = self.score(x).softmax(dim=1)
        return self.out((weight * self.value(x)).sum(1))


x, y = bags(6000)
xv, yv = bags(1000)
pool = AttentionPool()
opt = torch.optim.Adam(pool.parameters(), lr=3e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 12)
for epoch in range(12):
    total = 0.0
    for idx in torch.randperm(6000).split(60):
        loss = F.cross_entropy(pool(x[idx]), y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / 100
    sched.step()
    with torch.no_grad():
        out = pool(xv)
    acc = (out.argmax(1) == yv).float().mean()
    print(f"epoch {epoch + 1} loss {total:.4f} val {F.cross_entropy(out, yv):.4f} acc {acc:.4f}")
