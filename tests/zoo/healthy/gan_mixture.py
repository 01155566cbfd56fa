"""A small GAN on a one-dimensional distribution (a skewed one)."""

import os
import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)


def real(n):
    return torch.nn.functional.softplus(torch.randn(n, 1) * 1.2 + 0.5) - 1.0


G = nn.Sequential(nn.Linear(4, 24), nn.LeakyReLU(0.1), nn.Linear(24, 24), nn.LeakyReLU(0.1), nn.Linear(24, 1))
D = nn.Sequential(nn.Linear(1, 24), nn.LeakyReLU(0.2), nn.Linear(24, 24), nn.LeakyReLU(0.2), nn.Linear(24, 1))
opt_g = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.99))
opt_d = torch.optim.Adam(D.parameters(), lr=2e-3, betas=(0.5, 0.99))
bce = nn.BCEWithLogitsLoss()
N = 96
ones, zeros = torch.ones(N, 1), torch.zeros(N, 1)
levels = torch.linspace(0.05, 0.95, 19)

for it in range(1, 1201):
    # discriminator
    x, z = real(N), torch.randn(N, 4)
    loss_d = bce(D(x), 0.9 * ones) + bce(D(G(z).detach()), zeros)
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()
    # generator
    loss_g = bce(D(G(torch.randn(N, 4))), ones)
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
    if it % 200 == 0:
        with torch.no_grad():
            fake = G(torch.randn(4000, 4)).flatten()
            gap = (fake.quantile(levels) - real(4000).flatten().quantile(levels)).abs().mean()
        print(f"iter {it} D {loss_d.item():.3f} G {loss_g.item():.3f} quantile distance {gap:.3f}")
