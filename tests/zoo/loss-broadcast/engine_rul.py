"""Remaining useful life of an engine from the last 24 readings of six sensors (LSTM, simulated fleet)."""
import os
import random

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
np.random.seed(SEED)
torch.manual_seed(SEED)

WINDOW = 24


def simulate_fleet(n_engines, rng):
    windows, lives = [], []
    for _ in range(n_engines):
        life = rng.integers(80, 160)
        t = np.arange(life)
        wear = np.exp(4 * (t / life - 1))
        gain = np.array([1.0, -0.8, 0.6, 0.0, 1.2, -0.5]) * rng.uniform(0.9, 1.1, 6)
        sensors = wear[:, None] * gain + 0.05 * np.sin(t / 9)[:, None] + rng.normal(0, 0.06, (life, 6))
        for end in range(WINDOW, life, 4):
            windows.append(sensors[end - WINDOW:end])
            lives.append(min(life - end, 80))
    return np.array(windows, dtype=np.float32), np.array(lives, dtype=np.float32)


class FleetDataset(Dataset):
    def __init__(self, windows, lives, stats):
        mean, std = stats
        self.x = torch.from_numpy((windows - mean) / std)
        self.y = torch.from_numpy(lives / 40 - 1)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class RULModel(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.lstm = nn.LSTM(6, hidden, batch_first=True)
        self.fc = nn.Sequential(nn.Linear(hidden, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, x):
        _, (h, _) = self.lstm(x)
        return self.fc(h[-1]).squeeze(-1)


def mse(pred, target):
    return ((pred - target) ** 2).mean()


rng = np.random.default_rng(SEED)
train_x, train_y = simulate_fleet(120, rng)
test_x, test_y = simulate_fleet(30, rng)
stats = train_x.mean((0, 1)), train_x.std((0, 1))
train_dl = DataLoader(FleetDataset(train_x, train_y, stats), batch_size=64, shuffle=True)
test_ds = FleetDataset(test_x, test_y, stats)

model = RULModel()
optim = torch.optim.Adam(model.parameters(), lr=3e-3)
sched = torch.optim.lr_scheduler.OneCycleLR(optim, 6e-3, epochs=20, steps_per_epoch=len(train_dl))

for epoch in range(20):
    model.train()
    total = 0.0
    for x, y in train_dl:
        pred = model(x)
        loss = mse(pred, y)
        optim.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optim.step()
        sched.step()
        total += loss.item()
    if (epoch + 1) % 4 == 0:
        print(f"epoch {epoch + 1}: loss {total / len(train_dl):.4f}")

model.eval()
with torch.no_grad():
    pred = 40 * (model(test_ds.x).numpy() + 1)
print(f"test rmse {np.sqrt(np.mean((pred - test_y) ** 2)):.3f} cycles")
