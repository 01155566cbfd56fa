"""A small GAN that learns to draw points of a ring."""
import os

import torch
import torch.nn as nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
Z, BATCH, STEPS = 4, 128, 2500


def real_points(n):
    angle = 2 * torch.pi * torch.rand(n)
    radius = 1.0 + 0.08 * torch.randn(n)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)


G = nn.Sequential(nn.Linear(Z, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 2))
D = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
opt_g = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.99))
opt_d = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.99))
decay_g = torch.optim.lr_scheduler.LinearLR(opt_g, 1.0, 0.05, total_iters=STEPS)
decay_d = torch.optim.lr_scheduler.LinearLR(opt_d, 1.0, 0.05, total_iters=STEPS)
bce = nn.BCEWithLogitsLoss()
ones, zeros = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)

for step in range(1, STEPS + 1):
    fake = G(torch.randn(BATCH, Z))

    opt_d.zero_grad()
    loss_d = bce(D(real_points(BATCH)), 0.9 * ones) + bce(D(fake.detach()), zeros)
    loss_d.backward()
    opt_d.step()

    opt_g.zero_grad()
    loss_g = bce(D(fake), ones)
    loss_g.backward()
    opt_g.step()
    decay_g.step()
    decay_d.step()

    if step % 250 == 0:
        print(f"step {step}: D {loss_d.item():.3f}  G {loss_g.item():.3f}")

G.eval()
with torch.no_grad():
    points = G(torch.randn(4000, Z))
radius = points.norm(dim=1)
sector = ((torch.atan2(points[:, 1], points[:, 0]) / (2 * torch.pi) + 0.5) * 12).long().clamp(max=11)
share = torch.bincount(sector, minlength=12).float() / len(points) * 12
print(f"radius {radius.mean().item():.3f} +- {radius.std().item():.3f}, sectors {share.min().item():.2f} to {share.max().item():.2f}")
print(f"near ring {((radius - 1).abs() < 0.25).float().mean().item():.4f}")
