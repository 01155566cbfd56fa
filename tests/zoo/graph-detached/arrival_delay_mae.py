"""Train delay (minutes) from station, weekday and conditions; optimises the competition metric (MAE)."""
import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import mean_absolute_error, r2_score
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

N, STATIONS = 6000, 25
station = rng.integers(0, STATIONS, N)
weekday = rng.integers(0, 7, N)
hour = rng.uniform(5, 23, N)
rain = rng.gamma(1.0, 1.0, N)
load = rng.uniform(0, 1, N)
base = rng.normal(4, 2, STATIONS)
delay = (
    base[station]
    + 3.0 * (weekday < 5) * np.exp(-(((hour - 8) / 1.5) ** 2))
    + 2.5 * (weekday < 5) * np.exp(-(((hour - 17.5) / 2.0) ** 2))
    + 1.2 * rain * load
    + rng.normal(0, 0.5, N)
)
num = np.stack([np.sin(hour / 24 * 6.283), np.cos(hour / 24 * 6.283), hour, rain, load], 1)
num = ((num - num[:4800].mean(0)) / num[:4800].std(0)).astype(np.float32)
mean, std = delay[:4800].mean(), delay[:4800].std()
cats = torch.from_numpy(np.stack([station, weekday], 1))
num = torch.from_numpy(num)
y = torch.from_numpy(((delay - mean) / std).astype(np.float32))
train_set = TensorDataset(cats[:4800], num[:4800], y[:4800])
loader = DataLoader(train_set, batch_size=96, shuffle=True)


class DelayNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.station = nn.Embedding(STATIONS, 8)
        self.weekday = nn.Embedding(7, 3)
        self.body = nn.Sequential(nn.Linear(16, 64), nn.SiLU(), nn.Linear(64, 32), nn.SiLU(), nn.Linear(32, 1))

    def forward(self, cats, num):
        z = torch.cat([self.station(cats[:, 0]), self.weekday(cats[:, 1]), num], dim=1)
        return self.body(z).squeeze(1)


model = DelayNet()
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=1e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 25)
for epoch in range(25):
    model.train()
    history = []
    for c, x, target in loader:
        pred = model(c, x)
        loss = (pred - target).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    scheduler.step()
    if epoch % 3 == 0:
        print(f"epoch {epoch:2d}  MAE (scaled) {np.mean(history):.4f}")

model.eval()
with torch.no_grad():
    out = model(cats[4800:], num[4800:]).numpy() * std + mean
print(f"test MAE {mean_absolute_error(delay[4800:], out):.3f} min, R2 {r2_score(delay[4800:], out):.3f}")
