"""Will it rain tomorrow?  LSTM over the last 14 days of a weather station."""

import os
import random

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
np.random.seed(SEED)
torch.manual_seed(SEED)

DAYS = 7000
WINDOW = 14


def make_station(days):
    """pressure [Pa], temperature [K], humidity [%], wind [m/s]"""
    rng = np.random.default_rng(SEED)
    front = np.zeros(days)
    for t in range(1, days):
        front[t] = 0.85 * front[t - 1] + rng.normal(0, 0.5)
    season = np.sin(2 * np.pi * np.arange(days) / 365.25)
    pressure = 101325 - 900 * front + rng.normal(0, 90, days)
    temperature = 283 + 9 * season + 2 * front + rng.normal(0, 1, days)
    humidity = np.clip(68 + 11 * front + rng.normal(0, 3, days), 5, 100)
    wind = np.abs(4 + 1.5 * front + rng.normal(0, 0.6, days))
    trend = front - np.roll(front, 2)
    rain = (front + 0.8 * trend > 0.1).astype(np.float32)
    return np.stack([pressure, temperature, humidity, wind], 1).astype(np.float32), rain


def windows(x, y, start, stop):
    xs = np.stack([x[i : i + WINDOW] for i in range(start, stop)])
    ys = np.array([y[i + WINDOW - 1] for i in range(start, stop)])
    return TensorDataset(torch.from_numpy((xs - mean) / std), torch.from_numpy(ys))


class RainNet(nn.Module):
    def __init__(self, n_features, hidden=32):
        super().__init__()
        self.lstm = nn.LSTM(n_features, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        seq, _ = self.lstm(x)
        return self.out(seq[:, -1]).squeeze(1)


features, rain = make_station(DAYS)
split = 5600
mean, std = features[:split].mean(0), features[:split].std(0)
train_loader = DataLoader(windows(features, rain, 2, split), batch_size=64, shuffle=True)
test_loader = DataLoader(windows(features, rain, split, DAYS - WINDOW), batch_size=256)

model = RainNet(features.shape[1])
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=4, gamma=0.3)
criterion = nn.BCEWithLogitsLoss()


def evaluate():
    model.eval()
    hits = total = 0
    loss_sum = 0.0
    with torch.no_grad():
        for xb, yb in test_loader:
            logits = model(xb)
            loss_sum += criterion(logits, yb).item() * len(yb)
            hits += ((logits > 0).float() == yb).sum().item()
            total += len(yb)
    return loss_sum / total, hits / total


for epoch in range(10):
    model.train()
    running = 0.0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        running += loss.item() * len(yb)
    scheduler.step()
    val_loss, val_acc = evaluate()
    print(f"epoch {epoch:2d}  train {running / len(train_loader.dataset):.4f}  test {val_loss:.4f}  acc {val_acc:.3f}")
