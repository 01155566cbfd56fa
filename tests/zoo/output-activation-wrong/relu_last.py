"""Predict a smooth surface from noisy samples."""

import os
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


def surface(p):
    return torch.sin(2 * p[:, 0]) * torch.cos(p[:, 1]) + 0.3 * p[:, 1]


def mlp(sizes):
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


P = torch.rand(2500, 2) * 4 - 2
z = surface(P) + 0.05 * torch.randn(2500)
net = mlp([2, 48, 48, 1])
opt = torch.optim.Adam(net.parameters(), lr=4e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 900)
for i in range(900):
    b = torch.randint(2000, (64,))
    loss = (net(P[b]).squeeze(1) - z[b]).square().mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    if i % 150 == 0:
        print(i, "%.4f" % loss.item())
with torch.no_grad():
    print(
        "validation mse %.4f, variance %.4f" % ((net(P[2000:]).squeeze(1) - z[2000:]).square().mean(), z[2000:].var())
    )
