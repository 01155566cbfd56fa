"""Detect bearing damage in short vibration records (1-D convolution)."""

import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)


def record(damaged, length=64):
    t = np.arange(length)
    x = np.sin(2 * np.pi * t / np.random.uniform(9, 14) + np.random.uniform(0, 6.28)) + np.random.normal(0, 0.7, length)
    if damaged:
        start, amp = np.random.randint(0, 12), np.random.uniform(0.4, 2.2)
        for k in range(start, length, 13):
            x[k : k + 3] += amp * np.array([1.0, -0.8, 0.5])[: length - k]
    return x


def dataset(n, rate=0.02):
    y = (np.random.rand(n) < rate).astype(np.float32)
    x = np.stack([record(d) for d in y]).astype(np.float32)
    return torch.from_numpy(x).unsqueeze(1), torch.from_numpy(y)


x_train, y_train = dataset(6000)
x_test, y_test = dataset(4000)
print("records:", len(y_train), "damaged:", int(y_train.sum()))

loader = DataLoader(TensorDataset(x_train, y_train), batch_size=128, shuffle=True)

net = nn.Sequential(
    nn.Conv1d(1, 8, 7, padding=3),
    nn.ReLU(),
    nn.MaxPool1d(2),
    nn.Conv1d(8, 8, 9, padding=4),
    nn.ReLU(),
    nn.AdaptiveAvgPool1d(1),
    nn.Flatten(),
    nn.Linear(8, 1),
    nn.Flatten(0),
)
criterion = nn.BCEWithLogitsLoss(pos_weight=(y_train == 0).sum() / y_train.sum())
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20)

for epoch in range(20):
    net.train()
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(net(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(yb)
    scheduler.step()

    net.eval()
    with torch.no_grad():
        alarm = (net(x_test) > 0).float()
    found = alarm[y_test == 1].mean().item()
    quiet = 1 - alarm[y_test == 0].mean().item()
    print(
        f"epoch {epoch}: loss {total / len(y_train):.4f}  damaged found {found:.3f}  sound passed {quiet:.3f}  balanced {0.5 * (found + quiet):.4f}"
    )
