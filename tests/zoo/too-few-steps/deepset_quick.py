"""Estimate the range (max - min) of a bag of numbers."""

import os
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
ITERATIONS = 1500


class Bag(nn.Module):
    def __init__(self):
        super().__init__()
        self.item = nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU())
        self.whole = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, x):
        return self.whole(self.item(x.unsqueeze(-1)).mean(1)).squeeze(-1)


def draw(n):
    x = torch.randn(n, 10) * (0.3 + torch.rand(n, 1) * 1.2) + torch.randn(n, 1)
    return x, x.max(1).values - x.min(1).values


bag = Bag()
opt = torch.optim.Adam(bag.parameters(), lr=3e-3)
for i in range(ITERATIONS):
    x, t = draw(32)
    loss = (bag(x) - t).square().mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    if i % (ITERATIONS // 5) == 0:
        print(i, loss.item())
with torch.no_grad():
    x, t = draw(2000)
    print("R2 %.4f" % (1 - (bag(x) - t).square().mean() / t.var()).item())
