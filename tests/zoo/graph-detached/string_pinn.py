"""A hanging string by its equation, u'' = cos x, held at both ends: no data, the residual and the ends alone."""
import math
import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
net = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
ends = torch.tensor([[0.0], [2.0]])


def exact(x):
    return 1 - torch.cos(x) - x * (1 - math.cos(2)) / 2


for step in range(1500):
    x = (2 * torch.rand(128, 1)).requires_grad_(True)
    u = net(x)
    (slope,) = torch.autograd.grad(u.sum(), x, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), x, create_graph=True)
    residual = (bend - torch.cos(x)).pow(2).mean()
    loss = residual + 10 * net(ends).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 500 == 499:
        with torch.no_grad():
            grid = torch.linspace(0, 2, 100)[:, None]
            error = (net(grid) - exact(grid)).abs().max().item()
        print(f"step {step + 1} loss {loss.item():.5f} error {error:.4f}")
