"""Adapt a classifier of digits to mirrored ones by low-rank factors beside its frozen layers."""

import math
import os

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32) / 8 - 1
labels = torch.tensor(digits.target)
order = torch.randperm(len(images))
images, labels = images[order], labels[order]
upright, mirrored = images.flatten(1), images.flip(2).flatten(1)


class LowRank(nn.Module):
    """A frozen layer, and beside it a product of two small matrices."""

    def __init__(self, layer, rank=6, strength=12):
        super().__init__()
        self.layer = layer.requires_grad_(False)
        self.down = nn.Parameter(torch.randn(rank, layer.in_features) / math.sqrt(layer.in_features))
        self.up = nn.Parameter(torch.zeros(layer.out_features, rank))
        self.strength = strength / rank

    def forward(self, x):
        return self.layer(x) + self.strength * (x @ self.down.T @ self.up.T)


def epoch(model, optimizer, x):
    total = 0.0
    for chosen in torch.randperm(1400).split(50):
        loss = nn.functional.cross_entropy(model(x[chosen]), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(chosen) / 1400
    return total


def right(model, x):
    with torch.no_grad():
        return (model(x[1400:]).argmax(1) == labels[1400:]).float().mean().item()


model = nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 128), nn.GELU(), nn.Linear(128, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for _ in range(12):
    loss = epoch(model, optimizer, upright)
print(f"upright: loss {loss:.4f}, right {right(model, upright):.4f}")

for place in (0, 2, 4):
    model[place] = LowRank(model[place])
optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=2e-3)
for number in range(15):
    loss = epoch(model, optimizer, mirrored)
    print(f"mirrored {number}: loss {loss:.4f} accuracy {right(model, mirrored):.4f}")
