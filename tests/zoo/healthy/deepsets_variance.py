"""Permutation-invariant network: variance of a set of numbers."""

import os
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


class DeepSet(nn.Module):
    def __init__(self, phi=32, rho=32):
        super().__init__()
        self.phi = nn.Sequential(nn.Linear(1, phi), nn.ReLU(), nn.Linear(phi, phi), nn.ReLU())
        self.rho = nn.Sequential(nn.Linear(phi, rho), nn.ReLU(), nn.Linear(rho, 1))

    def forward(self, sets, mask):
        h = self.phi(sets.unsqueeze(-1)) * mask.unsqueeze(-1)
        return self.rho(h.sum(1) / mask.sum(1, keepdim=True)).squeeze(-1)


def batch(n, longest=12):
    size = torch.randint(4, longest + 1, (n, 1))
    mask = (torch.arange(longest)[None] < size).float()
    x = (torch.randn(n, longest) * torch.rand(n, 1) * 1.5 + torch.randn(n, 1) * 0.7) * mask
    m = x.sum(1, keepdim=True) / size
    return x, mask, (((x - m) * mask) ** 2).sum(1) / size.squeeze(1)


model = DeepSet()
opt = torch.optim.AdamW(model.parameters(), lr=4e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=1000)
losses = []
for it in range(1000):
    x, m, t = batch(64)
    loss = nn.functional.huber_loss(model(x, m), t)
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    losses.append(loss.item())
    if it % 200 == 199:
        print(it + 1, sum(losses[-100:]) / 100)
with torch.no_grad():
    x, m, t = batch(2000)
    e = model(x, m) - t
    print("R2 on new sets", 1 - (e.square().mean() / t.var()).item())
