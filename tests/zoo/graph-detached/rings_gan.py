"""A GAN for points on two rings, least squares, fakes detached in the discriminator's step."""
import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))


def real(n):
    angle = torch.rand(n) * 6.2832
    radius = torch.where(torch.rand(n) < 0.5, 1.0, 2.0) + 0.05 * torch.randn(n)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 1)


G = nn.Sequential(nn.Linear(4, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 2))
D = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
opt_g = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.99))
opt_d = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.99))
for step in range(2500):
    x, fake = real(128), G(torch.randn(128, 4))
    loss_d = 0.5 * ((D(x) - 1) ** 2).mean() + 0.5 * (D(fake.detach()) ** 2).mean()
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()
    loss_g = 0.5 * ((D(fake) - 1) ** 2).mean()
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
    if step % 500 == 499:
        print(f"step {step + 1} d {loss_d.item():.3f} g {loss_g.item():.3f}")
with torch.no_grad():
    made = G(torch.randn(1000, 4)).norm(dim=1)
print(f"on a ring {(torch.minimum((made - 1).abs(), (made - 2).abs()) < 0.25).float().mean().item():.3f} inner {(made < 1.5).float().mean():.3f}")
