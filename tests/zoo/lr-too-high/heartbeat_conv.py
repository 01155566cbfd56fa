"""Classify single heart beats (synthetic ECG, one lead) into four rhythm types with a 1-D conv net."""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset, random_split

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)

LENGTH = 96
EPOCHS = 10


def bump(t, centre, width, height):
    return height * np.exp(-0.5 * ((t - centre) / width) ** 2)


def make_beat(kind, rng):
    t = np.linspace(0, 1, LENGTH)
    shift = rng.normal(0, 0.02)
    r = 0.45 + shift
    p_height = 0.0 if kind == 1 else 0.2
    qrs_width = 0.045 if kind == 2 else 0.015
    t_height = -0.3 if kind == 3 else 0.35
    beat = bump(t, r - 0.2, 0.03, p_height * rng.uniform(0.8, 1.2))
    beat += bump(t, r - 0.03, 0.01, -0.15) + bump(t, r + 0.03, 0.012, -0.25)
    beat += bump(t, r, qrs_width, rng.uniform(0.8, 1.2))
    beat += bump(t, r + 0.28, 0.05, t_height * rng.uniform(0.8, 1.2))
    beat += 0.1 * np.sin(2 * np.pi * (t * rng.uniform(0.5, 1.5) + rng.uniform()))
    return beat + rng.normal(0, 0.05, LENGTH)


def load(n=3000):
    rng = np.random.default_rng(SEED)
    y = rng.integers(0, 4, n)
    x = np.stack([make_beat(k, rng) for k in y]).astype(np.float32)
    x = (x - x.mean()) / x.std()
    return TensorDataset(torch.from_numpy(x)[:, None], torch.from_numpy(y))


class BeatNet(nn.Module):
    def __init__(self, n_classes=4):
        super().__init__()
        self.conv1 = nn.Conv1d(1, 16, 7, padding=3)
        self.conv2 = nn.Conv1d(16, 32, 5, padding=2)
        self.conv3 = nn.Conv1d(32, 32, 3, padding=1)
        self.fc1 = nn.Linear(32 * 12, 64)
        self.fc2 = nn.Linear(64, n_classes)

    def forward(self, x):
        x = F.max_pool1d(F.relu(self.conv1(x)), 2)
        x = F.max_pool1d(F.relu(self.conv2(x)), 2)
        x = F.max_pool1d(F.relu(self.conv3(x)), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc2(x)


def accuracy(model, loader):
    model.eval()
    right = total = 0
    with torch.no_grad():
        for x, y in loader:
            right += (model(x).argmax(1) == y).sum().item()
            total += len(y)
    return right / total


dataset = load()
train_set, test_set = random_split(dataset, [2400, 600], generator=torch.Generator().manual_seed(SEED))
train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
test_loader = DataLoader(test_set, batch_size=200)

model = BeatNet()
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, nesterov=True)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=EPOCHS)

for epoch in range(EPOCHS):
    model.train()
    running = 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        running += loss.item()
    scheduler.step()
    print(f"epoch {epoch + 1:2d}  train loss {running / len(train_loader):.4f}  test {accuracy(model, test_loader):.3f}")

print(f"acc {accuracy(model, test_loader):.4f}")
