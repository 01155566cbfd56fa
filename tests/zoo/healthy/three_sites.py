"""Training on records of three hospitals at once (one DataLoader each), evaluation on a fourth one."""

import os
from itertools import cycle

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

T = np.linspace(0, 1, 48)


def hospital(n, gain, drift):
    """Heart-beat shapes of four kinds; each site has its own gain and baseline drift."""
    kind = rng.integers(0, 4, n)
    pos = rng.uniform(0.3, 0.6, (n, 1))
    width = np.where(kind % 2 == 0, 0.04, 0.09)[:, None] * rng.uniform(0.9, 1.1, (n, 1))
    beat = np.exp(-(((T - pos) / width) ** 2))
    second = np.where(kind // 2 == 0, 0.35, -0.35)[:, None] * np.exp(-(((T - pos - 0.25) / 0.06) ** 2))
    x = gain * (beat + second) + drift * T + 0.08 * rng.normal(size=(n, len(T)))
    x = (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)
    return TensorDataset(torch.tensor(x, dtype=torch.float32).unsqueeze(1), torch.tensor(kind))


sites = [hospital(1600, 1.0, 0.0), hospital(800, 0.7, 0.2), hospital(400, 1.5, -0.3)]
loaders = [DataLoader(s, batch_size=b, shuffle=True) for s, b in zip(sites, (32, 16, 16))]
unseen = DataLoader(hospital(800, 1.2, 0.1), batch_size=200)

net = nn.Sequential(
    nn.Conv1d(1, 12, 7, padding=3),
    nn.GroupNorm(3, 12),
    nn.ReLU(),
    nn.MaxPool1d(2),
    nn.Conv1d(12, 16, 5, padding=2),
    nn.GroupNorm(4, 16),
    nn.ReLU(),
    nn.AdaptiveAvgPool1d(4),
    nn.Flatten(),
    nn.Linear(64, 4),
)
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
epochs = 8
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
crit = nn.CrossEntropyLoss()

for epoch in range(epochs):
    net.train()
    per_site, steps = np.zeros(3), 0
    for batches in zip(loaders[0], cycle(loaders[1]), cycle(loaders[2])):
        opt.zero_grad()
        for k, (x, y) in enumerate(batches):
            loss = crit(net(x), y) / len(batches)
            loss.backward()
            per_site[k] += loss.item() * len(batches)
        opt.step()
        steps += 1
    sched.step()
    net.eval()
    hit = n = 0
    with torch.no_grad():
        for x, y in unseen:
            hit += (net(x).argmax(1) == y).sum().item()
            n += len(y)
    print(f"epoch {epoch} site losses {np.round(per_site / steps, 4)} unseen site acc {hit / n:.4f}")
