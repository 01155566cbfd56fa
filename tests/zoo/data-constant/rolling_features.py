"""Predict the next value of a machine's load from a sliding window (streaming buffer)."""

import os
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)

WINDOW = 24


def load_curve(n=3000):
    t = np.arange(n)
    daily = np.sin(2 * np.pi * t / 24)
    weekly = 0.5 * np.sin(2 * np.pi * t / 168)
    noise = np.zeros(n)
    for k in range(1, n):
        noise[k] = 0.6 * noise[k - 1] + 0.1 * np.random.randn()
    return (daily + weekly + noise).astype(np.float32)


class Stream:
    """keeps the last WINDOW values, as the deployed service does"""

    def __init__(self, window):
        self.buffer = np.zeros(window, dtype=np.float32)

    def push(self, value):
        self.buffer[:-1] = self.buffer[1:]
        self.buffer[-1] = value
        return self.buffer


def windows(series):
    stream = Stream(WINDOW)
    xs, ys = [], []
    for k in range(len(series) - 1):
        w = stream.push(series[k])
        if k >= WINDOW:
            xs.append(w.copy())
            ys.append(series[k + 1])
    return torch.tensor(np.stack(xs)), torch.tensor(np.array(ys)).unsqueeze(1)


series = load_curve()
split = 2400
mean, std = series[:split].mean(), series[:split].std()
series = (series - mean) / std
x_train, y_train = windows(series[:split])
x_test, y_test = windows(series[split:])

loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True)
model = nn.Sequential(nn.Linear(WINDOW, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 15, gamma=0.3)
loss_fn = nn.MSELoss()

for epoch in range(40):
    model.train()
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(xb)
    scheduler.step()
    if epoch % 4 == 3:
        model.eval()
        with torch.no_grad():
            test = loss_fn(model(x_test), y_test).item()
        print(
            f"epoch {epoch + 1:2d}  train {total / len(x_train):.4f}  test {test:.4f}  R2 {1 - test / y_test.var().item():.3f}"
        )
