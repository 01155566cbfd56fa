"""Recognise pen gestures (circle, square, eight, zigzag, spiral) from their (dx, dy) steps with a GRU."""
import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))


def gesture(kind, rng, steps=24):
    u = np.linspace(0, 1, steps + 1)
    a = 2 * np.pi * u
    if kind == 0:
        x, y = np.cos(a), np.sin(a)
    elif kind == 1:
        corner = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1], [1, 1]]) * 0.8
        x, y = (np.interp(4 * u, range(5), corner[:, i]) for i in (0, 1))
    elif kind == 2:
        x, y = np.sin(a), np.sin(2 * a)
    elif kind == 3:
        x, y = 2 * u - 1, np.abs((6 * u) % 2 - 1) - 0.5
    else:
        x, y = u * np.cos(2 * a), u * np.sin(2 * a)
    turn = rng.uniform(-np.pi, np.pi)
    size = rng.uniform(0.6, 1.4)
    xy = size * np.stack([np.cos(turn) * x - np.sin(turn) * y, np.sin(turn) * x + np.cos(turn) * y], 1)
    return np.diff(xy, axis=0) + rng.normal(0, 0.05, (steps, 2))


def build_data(rng, n):
    labels = rng.integers(0, 5, n)
    strokes = np.stack([gesture(k, rng) for k in labels])
    return strokes.astype(np.float32), labels.astype(np.int64)


class GestureGRU(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.gru = nn.GRU(2, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 5)

    def forward(self, x):
        out, _ = self.gru(x)
        return self.head(out.mean(dim=1))


class Trainer:
    def __init__(self, model, train, val, epochs):
        self.model, self.train_loader, self.val_loader, self.epochs = model, train, val, epochs
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
        self.scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(self.optimizer, mode="min", factor=0.1, patience=1)

    def train_epoch(self):
        self.model.train()
        losses = []
        for x, y in self.train_loader:
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
            self.optimizer.step()
            losses.append(loss.item())
        return float(np.mean(losses))

    @torch.no_grad()
    def validate(self):
        self.model.eval()
        loss, hits, count = 0.0, 0, 0
        for x, y in self.val_loader:
            out = self.model(x)
            loss += self.criterion(out, y).item() * len(y)
            hits += (out.argmax(-1) == y).sum().item()
            count += len(y)
        return loss / count, hits / count

    def fit(self):
        for epoch in range(1, self.epochs + 1):
            train_loss = self.train_epoch()
            val_loss, val_acc = self.validate()
            self.scheduler.step(val_loss)
            print(f"[{epoch:02d}] train {train_loss:.4f} val {val_loss:.4f} acc {val_acc:.4f}")
        return val_acc


if __name__ == "__main__":
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    x, y = build_data(rng, 2800)
    x_val, y_val = build_data(rng, 600)
    mean, std = x.mean((0, 1)), x.std((0, 1))
    x, x_val = (x - mean) / std, (x_val - mean) / std
    train = DataLoader(TensorDataset(torch.from_numpy(x), torch.from_numpy(y)), batch_size=64, shuffle=True)
    val = DataLoader(TensorDataset(torch.from_numpy(x_val), torch.from_numpy(y_val)), batch_size=200)
    acc = Trainer(GestureGRU(), train, val, epochs=18).fit()
    print(f"final acc {acc:.4f}")
