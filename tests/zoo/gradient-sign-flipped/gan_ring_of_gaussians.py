"""A small GAN: generate points from a ring of eight Gaussians."""

import copy
import math
import os

import torch
from torch import nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

STEPS, BATCH, NOISE = 1800, 128, 8
ANGLES = torch.arange(8) * (2 * math.pi / 8)
CENTRES = 1.4 * torch.stack([ANGLES.cos(), ANGLES.sin()], 1)


def real(n):
    return CENTRES[torch.randint(0, 8, (n,))] + 0.12 * torch.randn(n, 2)


def mlp(n_in, n_out, act):
    return nn.Sequential(nn.Linear(n_in, 64), act, nn.Linear(64, 64), act, nn.Linear(64, n_out))


generator = mlp(NOISE, 2, nn.ReLU())
critic = mlp(2, 1, nn.LeakyReLU(0.2))
opt_g = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.9))
opt_d = torch.optim.Adam(critic.parameters(), lr=1e-3, betas=(0.5, 0.9))
sched = [torch.optim.lr_scheduler.CosineAnnealingLR(o, STEPS, eta_min=5e-5) for o in (opt_g, opt_d)]
bce = nn.BCEWithLogitsLoss()
smooth = copy.deepcopy(generator)
ones, zeros = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)


@torch.no_grad()
def quality(net, n=2000):
    points = net(torch.randn(n, NOISE))
    dist, mode = torch.cdist(points, CENTRES).min(1)
    good = dist < 0.48
    share = torch.bincount(mode[good], minlength=8) / n
    return good.float().mean().item(), int((share > 0.04).sum())


for step in range(1, STEPS + 1):
    # discriminator, with a gradient penalty on the real points
    x = real(BATCH).requires_grad_()
    score = critic(x)
    (grad,) = torch.autograd.grad(score.sum(), x, create_graph=True)
    fake = generator(torch.randn(BATCH, NOISE)).detach()
    loss_d = bce(score, ones) + bce(critic(fake), zeros) + 0.1 * grad.pow(2).sum(1).mean()
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()

    # generator
    loss_g = bce(critic(generator(torch.randn(BATCH, NOISE))), ones)
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()

    for s in sched:
        s.step()
    with torch.no_grad():
        for a, b in zip(smooth.parameters(), generator.parameters()):
            a.lerp_(b, 0.01)
    if step % 200 == 0:
        good, modes = quality(smooth)
        print(f"step {step} d {loss_d.item():.3f} g {loss_g.item():.3f} good points {good:.3f} modes {modes}")
