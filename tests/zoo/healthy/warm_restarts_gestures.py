"""Accelerometer gestures, 1-D CNN, SGD with warm restarts (SGDR); the best checkpoint is reloaded at the end."""

import copy
import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)


def gesture(kind, n=48):
    t = np.linspace(0, 1, n) ** rng.uniform(0.8, 1.25)
    a = rng.uniform(0.7, 1.3)
    if kind == 0:  # circle
        xyz = [np.cos(2 * np.pi * t), np.sin(2 * np.pi * t), 0 * t]
    elif kind == 1:  # shake
        xyz = [np.sin(8 * np.pi * t), 0 * t, 0.3 * np.cos(8 * np.pi * t)]
    elif kind == 2:  # lift
        xyz = [0 * t, 0.2 * t, np.sin(np.pi * t) * 1.5]
    elif kind == 3:  # zigzag
        xyz = [2 * np.abs((3 * t) % 1 - 0.5), t, 0 * t]
    else:  # reversed circle
        xyz = [np.cos(2 * np.pi * t), -np.sin(2 * np.pi * t), 0 * t]
    return (a * np.stack(xyz) + 1.1 * rng.standard_normal((3, n))) / 1.3


def dataset(n):
    y = rng.integers(0, 5, n)
    x = np.stack([gesture(k) for k in y]).astype(np.float32)
    return TensorDataset(torch.from_numpy(x), torch.from_numpy(y))


train, val, test = dataset(1200), dataset(300), dataset(300)
train_loader = DataLoader(train, batch_size=32, shuffle=True, drop_last=True)

model = nn.Sequential(
    nn.Conv1d(3, 16, 5, padding=2),
    nn.BatchNorm1d(16),
    nn.ReLU(),
    nn.MaxPool1d(2),
    nn.Conv1d(16, 24, 5, padding=2),
    nn.BatchNorm1d(24),
    nn.ReLU(),
    nn.AdaptiveAvgPool1d(4),
    nn.Flatten(),
    nn.Linear(96, 5),
)
opt = torch.optim.SGD(model.parameters(), lr=0.15, momentum=0.9, nesterov=True, weight_decay=1e-3)
sgdr = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(opt, T_0=3, T_mult=2, eta_min=1e-4)
ce = nn.CrossEntropyLoss()


def score(ds):
    model.eval()
    with torch.no_grad():
        x, y = ds.tensors
        out = model(x)
        return ce(out, y).item(), (out.argmax(1) == y).float().mean().item()


best, best_loss = None, float("inf")
iters = len(train_loader)
for epoch in range(21):
    model.train()
    for i, (x, y) in enumerate(train_loader):
        loss = ce(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        sgdr.step(epoch + (i + 1) / iters)
    vl, va = score(val)
    if vl < best_loss:
        best_loss, best = vl, copy.deepcopy(model.state_dict())
    print(f"epoch {epoch:2d} lr {opt.param_groups[0]['lr']:.4f} train {loss.item():.3f} val {vl:.3f} acc {va:.3f}")

model.load_state_dict(best)
print(f"test accuracy {score(test)[1]:.3f}")
