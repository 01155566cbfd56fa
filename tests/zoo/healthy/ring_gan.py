"""GAN on a ring of eight Gaussians."""

import os
import math
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
nz = 4


def real_batch(n):
    k = torch.randint(0, 8, (n,)) * (2 * math.pi / 8)
    return torch.stack([k.cos(), k.sin()], 1) * 1.5 + 0.15 * torch.randn(n, 2)


netG = nn.Sequential(nn.Linear(nz, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 2))
netD = nn.Sequential(nn.Linear(2, 48), nn.LeakyReLU(0.2), nn.Linear(48, 48), nn.LeakyReLU(0.2), nn.Linear(48, 1))
optimizerD = torch.optim.Adam(netD.parameters(), lr=1e-3, betas=(0.5, 0.999))
optimizerG = torch.optim.Adam(netG.parameters(), lr=5e-4, betas=(0.5, 0.999))
criterion = nn.BCEWithLogitsLoss()

B = 96
ones, zeros = torch.full((B, 1), 1.0), torch.zeros(B, 1)
for i in range(1000):
    # (1) discriminator
    netD.zero_grad()
    fake = netG(torch.randn(B, nz))
    errD = criterion(netD(real_batch(B)), 0.9 * ones) + criterion(netD(fake.detach()), zeros)
    errD.backward()
    optimizerD.step()
    # (2) generator
    netG.zero_grad()
    errG = criterion(netD(fake), ones)
    errG.backward()
    optimizerG.step()
    if i % 250 == 0:
        print("[%d] Loss_D: %.4f Loss_G: %.4f" % (i, errD.item(), errG.item()))

with torch.no_grad():
    s = netG(torch.randn(2000, nz))
    r = real_batch(2000)
    print("radius of samples %.3f (data %.3f)" % (s.norm(dim=1).mean(), r.norm(dim=1).mean()))
    ang = torch.atan2(s[:, 1], s[:, 0]).mul(8 / (2 * math.pi)).round().remainder(8)
    print("modes covered", int((torch.bincount(ang.long(), minlength=8) > 60).sum()))
    print("mean gap to a real point %.3f" % torch.cdist(s, r).min(1).values.mean())
