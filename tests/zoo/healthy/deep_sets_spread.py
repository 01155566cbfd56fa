# Sets of numbers -> spread of the set. Trained on sets of 3..12 members, tested on sets of 16.
import os

import torch
import torch.nn as nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


def sample_sets(batch, smallest, largest):
    size = torch.randint(smallest, largest + 1, (batch, 1))
    mask = (torch.arange(largest).expand(batch, -1) < size).float()
    centre = torch.randn(batch, 1)
    scale = torch.rand(batch, 1) * 1.5 + 0.2
    x = (centre + scale * torch.randn(batch, largest)) * mask
    mean = x.sum(1, keepdim=True) / size
    target = (((x - mean) ** 2 * mask).sum(1, keepdim=True) / size).sqrt()
    return x.unsqueeze(-1), mask.unsqueeze(-1), target


class DeepSet(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.phi = nn.Sequential(nn.Linear(1, width), nn.GELU(), nn.Linear(width, width), nn.GELU())
        self.rho = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 1))

    def forward(self, x, mask):
        pooled = (self.phi(x) * mask).sum(1) / mask.sum(1)
        return self.rho(pooled)


model = DeepSet()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=1800, eta_min=1e-5)
loss_fn = nn.SmoothL1Loss(beta=0.1)
tx, tm, ty = sample_sets(1000, 16, 16)

history = []
for step in range(1, 1801):
    x, m, y = sample_sets(64, 3, 12)
    loss = loss_fn(model(x, m), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    history.append(loss.item())
    if step % 200 == 0:
        with torch.no_grad():
            pred = model(tx, tm)
            r2 = 1 - ((pred - ty) ** 2).mean() / ty.var()
        print(f"step {step} loss {sum(history[-200:]) / 200:.5f} r2 on larger sets {r2.item():.4f}")
