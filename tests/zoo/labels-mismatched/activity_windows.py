"""Activity recognition from a wrist accelerometer (3 axes, 50 Hz, windows of 64 samples)."""

import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

ACTIVITIES = ["rest", "walk", "run", "stairs", "cycle"]
FREQ = [0.0, 1.8, 2.9, 1.4, 1.1]
AMP = [0.05, 0.6, 1.3, 0.7, 0.4]


def record(kind):
    t = np.arange(64) / 50
    f = FREQ[kind] * rng.uniform(0.9, 1.1)
    phase = rng.uniform(0, 2 * np.pi)
    a = AMP[kind] * rng.uniform(0.8, 1.2)
    x = a * np.sin(2 * np.pi * f * t + phase)
    y = 0.5 * a * np.sin(4 * np.pi * f * t + phase) + (0.4 if kind == 3 else 0.0)
    z = (0.6 if kind == 4 else 0.2) * a * np.cos(2 * np.pi * f * t + phase)
    return np.stack([x, y, z]) + rng.normal(0, 0.15, (3, 64))


def load_recordings(n):
    labels = rng.integers(0, len(ACTIVITIES), n)
    signals = np.stack([record(k) for k in labels])
    # the watch loses contact from time to time
    for i in rng.choice(n, n // 25, replace=False):
        signals[i, :, rng.integers(0, 60) :] = np.nan
    return signals.astype(np.float32), labels


class WindowDataset(Dataset):
    def __init__(self, signals, labels):
        keep = ~np.isnan(signals).any(axis=(1, 2))
        self.signals = signals[keep]
        self.labels = labels[keep]

    def __len__(self):
        return len(self.signals)

    def __getitem__(self, i):
        return torch.from_numpy(self.signals[i]), int(self.labels[i])


class TempConv(nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(3, 16, 7, padding=3),
            nn.BatchNorm1d(16),
            nn.ReLU(),
            nn.MaxPool1d(2),
            nn.Conv1d(16, 32, 5, padding=2),
            nn.BatchNorm1d(32),
            nn.ReLU(),
            nn.MaxPool1d(2),
            nn.AdaptiveAvgPool1d(1),
            nn.Flatten(),
        )
        self.head = nn.Linear(32, n_classes)

    def forward(self, x):
        return self.head(self.features(x))


def accuracy(model, loader):
    model.eval()
    good = 0
    with torch.no_grad():
        for x, y in loader:
            good += (model(x).argmax(1) == y).sum().item()
    return good / len(loader.dataset)


def main():
    train_set = WindowDataset(*load_recordings(4000))
    test_set = WindowDataset(*load_recordings(1000))
    train_loader = DataLoader(train_set, batch_size=50, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=200)
    model = TempConv(len(ACTIVITIES))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [5, 8], gamma=0.1)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(10):
        model.train()
        losses = []
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        scheduler.step()
        print(f"[{epoch + 1}/10] loss {np.mean(losses):.3f} test acc {accuracy(model, test_loader):.3f}")


if __name__ == "__main__":
    main()
