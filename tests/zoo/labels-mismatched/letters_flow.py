"""Flow matching from a Gaussian to four letters' outlines, conditional on the letter, the velocity as the target."""
import os

import torch
import torch.nn as nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
centres = torch.tensor([[2.0, 0.0], [0.0, 2.0], [-2.0, 0.0], [0.0, -2.0]])


class Velocity(nn.Module):
    def __init__(self):
        super().__init__()
        self.label = nn.Embedding(4, 8)
        self.net = nn.Sequential(nn.Linear(2 + 1 + 8, 96), nn.ELU(), nn.Linear(96, 96), nn.ELU(), nn.Linear(96, 2))

    def forward(self, x, t, y):
        return self.net(torch.cat([x, t, self.label(y)], dim=-1))


def batch(n):
    y = torch.randint(4, (n,))
    return centres[y] + 0.15 * torch.randn(n, 2) + 0.3 * torch.rand(n, 1), y


field = Velocity()
opt = torch.optim.Adam(field.parameters(), lr=2e-3)
for step in range(2500):
    x1, y = batch(256)
    x0 = torch.randn_like(x1)
    t = torch.rand(256, 1)
    xt = (1 - t) * x0 + t * x1
    target = x1 - x0
    loss = ((field(xt, t, y) - target) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 500 == 499:
        print(f"step {step + 1}: loss {loss.item():.4f}")
with torch.no_grad():
    x, y = torch.randn(400, 2), torch.randint(4, (400,))
    for k in range(40):
        x = x + field(x, torch.full((400, 1), k / 40), y) / 40
    ref, ry = batch(4000)
    print(f"nearest {torch.stack([torch.cdist(x[i : i + 1], ref[ry == y[i]]).min() for i in range(400)]).mean().item():.4f}")
