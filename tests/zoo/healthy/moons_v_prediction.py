"""Diffusion of two moons by v-prediction, with continuous time and an averaged copy."""
import copy
import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))


def moons(n):
    a, side = torch.rand(n) * torch.pi, torch.rand(n) < 0.5
    x = torch.stack([a.cos(), a.sin()], 1)
    x = torch.where(side[:, None], x, torch.tensor([1.0, 0.5]) - x)
    return (x - torch.tensor([0.5, 0.25])) / 0.8 + 0.03 * torch.randn(n, 2)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(5, 96), nn.SiLU(), nn.Linear(96, 96), nn.SiLU(), nn.Linear(96, 96), nn.SiLU(), nn.Linear(96, 2))

    def forward(self, x, time):
        return self.layers(torch.cat([x, time, (6 * time).sin(), (6 * time).cos()], 1))


net = Net()
averaged = copy.deepcopy(net).requires_grad_(False)
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for it in range(2500):
    x0, eps, time = moons(256), torch.randn(256, 2), torch.rand(256, 1)
    c, s = (time * torch.pi / 2).cos(), (time * torch.pi / 2).sin()
    z = c * x0 + s * eps
    v = c * eps - s * x0
    loss = (net(z, time) - v).square().mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    for p, q in zip(net.parameters(), averaged.parameters()):
        q.lerp_(p.detach(), 0.01)
    if it % 500 == 499:
        print(f"{it + 1} loss {loss.item():.4f}")
with torch.no_grad():
    z = torch.randn(400, 2)
    times = torch.linspace(1, 0, 41)
    for now, after in zip(times[:-1], times[1:]):
        v = averaged(z, now.expand(400, 1))
        c, s = (now * torch.pi / 2).cos(), (now * torch.pi / 2).sin()
        x0, eps = c * z - s * v, s * z + c * v
        z = (after * torch.pi / 2).cos() * x0 + (after * torch.pi / 2).sin() * eps
print(f"nearest {torch.cdist(z, moons(2000)).min(1).values.mean().item():.4f}")
