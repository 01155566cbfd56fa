"""Rising chirp / falling chirp / steady tone / two blips - 1-D CNN."""

import os
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
L = 96


def synthesize(n, rng):
    t = np.linspace(0, 1, L)
    y = rng.integers(0, 4, n)
    x = np.empty((n, L), np.float32)
    for k in range(n):
        f0, ph = rng.uniform(2, 4), rng.uniform(0, 2 * np.pi)
        if y[k] == 0:
            s = np.sin(2 * np.pi * (f0 * t + 5 * t**2) + ph)
        elif y[k] == 1:
            s = np.sin(2 * np.pi * ((f0 + 10) * t - 5 * t**2) + ph)
        elif y[k] == 2:
            s = np.sin(2 * np.pi * (f0 + 5) * t + ph)
        else:
            c1, c2 = rng.uniform(0.1, 0.4), rng.uniform(0.6, 0.9)
            s = (
                1.5
                * (np.exp(-(((t - c1) / 0.04) ** 2)) + np.exp(-(((t - c2) / 0.04) ** 2)))
                * np.sin(2 * np.pi * 9 * t + ph)
            )
        x[k] = s + 0.25 * rng.standard_normal(L)
    return torch.from_numpy(x), torch.from_numpy(y)


class Jitter:
    def __call__(self, s):
        return s + 0.05 * torch.randn_like(s)


class RandomGain:
    def __call__(self, s):
        return s * (0.8 + 0.4 * torch.rand(1))


class RandomFlip:
    def __init__(self, dims):
        self.dims = dims

    def __call__(self, s):
        return torch.flip(s, self.dims) if torch.rand(1) < 0.5 else s


class RandomSign:
    def __call__(self, s):
        return -s if torch.rand(1) < 0.5 else s


class Signals(Dataset):
    def __init__(self, x, y, transforms=()):
        self.x, self.y, self.transforms = x, y, transforms

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        s = self.x[i]
        for f in self.transforms:
            s = f(s)
        return s.unsqueeze(0), self.y[i]


rng = np.random.default_rng(SEED)
transforms = [RandomGain(), Jitter(), RandomSign()]
train_set = Signals(*synthesize(1500, rng), transforms)
test_set = Signals(*synthesize(400, rng))
train_loader = DataLoader(train_set, batch_size=50, shuffle=True)
test_loader = DataLoader(test_set, batch_size=200)

net = nn.Sequential(
    nn.Conv1d(1, 16, 7, stride=2, padding=3),
    nn.BatchNorm1d(16),
    nn.ReLU(),
    nn.Conv1d(16, 24, 5, stride=2, padding=2),
    nn.BatchNorm1d(24),
    nn.ReLU(),
    nn.Conv1d(24, 24, 5, stride=2, padding=2),
    nn.BatchNorm1d(24),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(24 * 12, 4),
)
optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-2)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 15)

for epoch in range(15):
    net.train()
    running = 0.0
    for xb, yb in train_loader:
        loss = F.cross_entropy(net(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item()
    scheduler.step()
    net.eval()
    with torch.no_grad():
        hits = sum((net(xb).argmax(1) == yb).sum().item() for xb, yb in test_loader)
    print(f"epoch {epoch + 1:2d} train loss {running / len(train_loader):.3f} test accuracy {hits / len(test_set):.3f}")
