"""Non-saturating GAN with R1 penalty on a ring of Gaussians."""
import math
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(40)
M = 6
th = torch.arange(M) * 2 * math.pi / M
modes = torch.stack([th.cos(), th.sin()], 1)


def real(n):
    return modes[torch.randint(0, M, (n,))] + 0.08 * torch.randn(n, 2)


def net(i, o, h=64):
    return nn.Sequential(nn.Linear(i, h), nn.LeakyReLU(0.2), nn.Linear(h, h), nn.LeakyReLU(0.2), nn.Linear(h, o))


G, D = net(8, 2), net(2, 1)
og = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.99))
od = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.99))
B = 128
for it in range(1, 1501):
    x = real(B).requires_grad_(True)
    fake = G(torch.randn(B, 8)).detach()
    dr, df = D(x), D(fake)
    grad, = torch.autograd.grad(dr.sum(), x, create_graph=True)
    r1 = grad.pow(2).sum(1).mean()
    d_loss = F.softplus(-dr).mean() + F.softplus(df).mean() + 0.1 * r1
    od.zero_grad()
    d_loss.backward()
    od.step()

    g_loss = F.softplus(-D(G(torch.randn(B, 8)))).mean()
    og.zero_grad()
    g_loss.backward()
    og.step()
    if it % 300 == 0:
        with torch.no_grad():
            s = G(torch.randn(2000, 8))
            dist, near = torch.cdist(s, modes).min(1)
            good = dist < 0.3
            share = torch.bincount(near[good], minlength=M) / 2000
        print(f"it {it} D {d_loss.item():.3f} G {g_loss.item():.3f} | close to a mode {good.float().mean():.3f}, "
              f"modes covered {(share > 0.05).sum().item()}/{M}, smallest share {share.min():.3f}")
