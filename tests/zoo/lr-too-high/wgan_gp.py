import os
import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))


def real(n):
    k = torch.randint(8, (n,)) * (2 * torch.pi / 8)
    return torch.stack([k.cos(), k.sin()], 1) * 2 + 0.05 * torch.randn(n, 2)


G = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
D = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
og = torch.optim.Adam(G.parameters(), 1e-4, betas=(0.5, 0.9))
od = torch.optim.Adam(D.parameters(), 1e-4, betas=(0.5, 0.9))
for it in range(400):
    for _ in range(5):
        x, z = real(128), torch.randn(128, 8)
        fake = G(z).detach()
        e = torch.rand(128, 1)
        mid = (e * x + (1 - e) * fake).requires_grad_()
        (grad,) = torch.autograd.grad(D(mid).sum(), mid, create_graph=True)
        loss_d = D(fake).mean() - D(x).mean() + 10 * (grad.norm(dim=1) - 1).square().mean()
        od.zero_grad()
        loss_d.backward()
        od.step()
    loss_g = -D(G(torch.randn(128, 8))).mean()
    og.zero_grad()
    loss_g.backward()
    og.step()
    if it % 100 == 99:
        print(it, loss_d.item(), loss_g.item())
