"""Quantile regression: a 10 / 50 / 90 percent band around heteroscedastic data."""

import os
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
q = torch.tensor([0.1, 0.5, 0.9])


def make(n):
    x = torch.rand(n, 1) * 6 - 3
    y = torch.sin(x) + (0.1 + 0.15 * (x + 3)) * torch.randn(n, 1)
    return x, y


def pinball(pred, y):
    e = y - pred
    return torch.maximum(q * e, (q - 1) * e).mean()


x, y = make(2000)
xv, yv = make(2000)
f = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 3))
opt = torch.optim.Adam(f.parameters(), lr=5e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 1200)
for i in range(1200):
    j = torch.randint(len(x), (64,))
    loss = pinball(f(x[j]), y[j])
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
with torch.no_grad():
    print("pinball train %.4f valid %.4f" % (pinball(f(x), y), pinball(f(xv), yv)))
    print("coverage", [round((yv[:, 0] < f(xv)[:, k]).float().mean().item(), 3) for k in range(3)])
