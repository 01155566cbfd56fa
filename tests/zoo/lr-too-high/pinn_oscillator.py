import math
import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))


class Displacement(nn.Module):
    """u(t) of a damped oscillator, u'' + 0.4 u' + 4 u = 0, u(0) = 1, u'(0) = 0, built in by the form."""

    def __init__(self, width=32):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(1, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1)
        )

    def forward(self, t):
        return 1 + t**2 * self.net(t / 2 - 1)


def residual(model, t):
    t = t.requires_grad_()
    u = model(t)
    du = torch.autograd.grad(u.sum(), t, create_graph=True)[0]
    ddu = torch.autograd.grad(du.sum(), t, create_graph=True)[0]
    return ddu + 0.4 * du + 4 * u


def exact(t):
    om = math.sqrt(4 - 0.04)
    return torch.exp(-0.2 * t) * (torch.cos(om * t) + 0.2 / om * torch.sin(om * t))


model = Displacement()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
grid = torch.linspace(0, 3, 200)[:, None]
for step in range(1, 2001):
    t = torch.rand(64, 1) * 3
    loss = residual(model, t).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 200 == 0:
        with torch.no_grad():
            err = (model(grid) - exact(grid)).abs().max().item()
        print(f"step {step} residual {loss.item():.5f} worst error {err:.5f}")
