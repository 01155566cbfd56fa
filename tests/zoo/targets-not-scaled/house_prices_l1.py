"""Prices of made-up houses (in euro) from six features."""

import os
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn


@dataclass
class Args:
    lr: float = 0.01
    epochs: int = 40
    batch: int = 50
    seed: int = int(os.environ.get("SEED", 0))


def houses(n, rng):
    area, rooms, age, dist, floor, quality = (
        rng.gamma(9, 11, n),
        rng.integers(1, 7, n),
        rng.uniform(0, 90, n),
        rng.exponential(6, n),
        rng.integers(0, 9, n),
        rng.normal(0, 1, n),
    )
    price = (
        2900 * area * np.exp(-0.05 * dist) * (1 - 0.002 * age)
        + 9000 * rooms
        + 15000 * quality
        + rng.normal(0, 12000, n)
    )
    X = np.stack([area, rooms, age, dist, floor, quality], 1)
    return (X - X.mean(0)) / X.std(0), price


args = Args()
torch.set_num_threads(1)
torch.manual_seed(args.seed)
X, price = houses(2000, np.random.default_rng(args.seed))
X = torch.tensor(X, dtype=torch.float32)
target = torch.tensor(price, dtype=torch.float32)
target = (target - target.mean()) / target.std()
tr, te = slice(0, 1600), slice(1600, None)


class PriceNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.h = nn.Linear(6, 32)
        self.o = nn.Linear(32, 1)

    def forward(self, x):
        return self.o(torch.relu(self.h(x))).flatten()


net = PriceNet()
opt = torch.optim.Adam(net.parameters(), lr=args.lr)
for epoch in range(args.epochs):
    s = 0.0
    for b in torch.randperm(1600).split(args.batch):
        loss = nn.functional.l1_loss(net(X[tr][b]), target[tr][b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        s += loss.item() / 32
    if (epoch + 1) % 10 == 0:
        print("epoch", epoch + 1, "mae", s)
with torch.no_grad():
    e = (net(X[te]) - target[te]).abs().mean() / (target[te] - target[te].median()).abs().mean()
print("relative absolute error on new houses: %.3f" % e.item())
