"""Will it rain in the next six hours? One day of hourly station records -> yes / no."""
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

HOURS = 24


def simulate_days(n):
    hours = np.arange(HOURS)
    front = np.random.randn(n, 1)
    moisture = np.random.randn(n, 1)
    ramp = (hours / HOURS) ** 2
    pressure = 101_300 + 600 * np.random.randn(n, 1) - 450 * front * ramp + 25 * np.random.randn(n, HOURS)
    temperature = 12 + 6 * np.random.randn(n, 1) + 5 * np.sin((hours - 9) / 24 * 2 * np.pi) + 0.5 * np.random.randn(n, HOURS)
    humidity = np.clip(60 + 8 * np.random.randn(n, 1) + 15 * moisture * ramp + 2 * np.random.randn(n, HOURS), 5, 100)
    sun = np.clip(np.sin((hours - 6) / 12 * np.pi), 0, None) * np.random.uniform(200, 900, (n, 1))
    days = np.stack([pressure, temperature, humidity, sun], axis=-1)
    rain = (1.2 * front + moisture + 0.15 * np.random.randn(n, 1) > 0).astype(np.float32)
    return days.astype(np.float32), rain


class RainNet(nn.Module):
    def __init__(self, channels=4, hidden=32):
        super().__init__()
        self.gru = nn.GRU(channels, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        out, _ = self.gru(x)
        return self.head(out[:, -1])


days, rain = simulate_days(2800)
x_train, y_train = days[:2200], rain[:2200]
x_val, y_val = days[2200:], rain[2200:]

mean = x_train.mean(axis=(0, 1), keepdims=True)
std = x_train.std(axis=(0, 1), keepdims=True)
x_train_n = (x_train - mean) / std
x_val_n = (x_val - mean) / std

train_set = TensorDataset(torch.from_numpy(x_train_n), torch.from_numpy(y_train))
val_set = TensorDataset(torch.from_numpy(x_val_n), torch.from_numpy(y_val))
train_loader = DataLoader(train_set, batch_size=100, shuffle=True)
val_loader = DataLoader(val_set, batch_size=200)

EPOCHS = 14
net = RainNet()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=8e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)

for epoch in range(1, EPOCHS + 1):
    net.train()
    total = 0.0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(net(xb), yb)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        total += loss.item() * len(xb)
    scheduler.step()

    net.eval()
    right, val_loss = 0, 0.0
    with torch.no_grad():
        for xb, yb in val_loader:
            logits = net(xb)
            val_loss += criterion(logits, yb).item() * len(xb)
            right += ((logits > 0).float() == yb).sum().item()
    acc = right / len(val_set)
    print(f"epoch {epoch:2d}  train {total / len(train_set):.4f}  val {val_loss / len(val_set):.4f}  acc {acc:.3f}")
