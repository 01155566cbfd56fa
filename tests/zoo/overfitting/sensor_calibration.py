"""Calibrate a gas sensor: concentration from twelve channel readings. Trains for a number of steps, not epochs."""

import os

import numpy as np
import torch
from torch import nn

cfg = dict(
    seed=int(os.environ.get("SEED", 0)),
    n_train=20000,
    n_valid=1500,
    hidden=96,
    batch_size=50,
    steps=3000,
    eval_every=250,
    lr=2e-3,
)


def measure(n, rng):
    x = rng.normal(size=(n, 12))
    signal = np.sin(1.5 * x[:, 0]) + 0.6 * x[:, 1] * x[:, 2] + 0.5 * np.abs(x[:, 3]) - 0.4 * x[:, 4]
    y = (signal - 0.4) / 1.1 + rng.normal(0, 0.35, n)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32).unsqueeze(1)


def batches(x, y, size):
    while True:
        for idx in torch.randperm(len(x)).split(size):
            yield x[idx], y[idx]


def mse(model, x, y):
    model.eval()
    with torch.no_grad():
        value = nn.functional.mse_loss(model(x), y).item()
    model.train()
    return value


rng = np.random.default_rng(cfg["seed"])
torch.manual_seed(cfg["seed"])
x_train, y_train = measure(cfg["n_train"], rng)
x_valid, y_valid = measure(cfg["n_valid"], rng)

model = nn.Sequential(
    nn.Linear(12, cfg["hidden"]),
    nn.SiLU(),
    nn.Linear(cfg["hidden"], cfg["hidden"]),
    nn.SiLU(),
    nn.Linear(cfg["hidden"], 1),
)
optimizer = torch.optim.Adam(model.parameters(), lr=cfg["lr"])
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, cfg["steps"])
stream = batches(x_train, y_train, cfg["batch_size"])

model.train()
for step in range(1, cfg["steps"] + 1):
    xb, yb = next(stream)
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(xb), yb)
    loss.backward()
    optimizer.step()
    scheduler.step()
    if step % cfg["eval_every"] == 0:
        tr, va = mse(model, x_train[:2000], y_train[:2000]), mse(model, x_valid, y_valid)
        r2 = 1 - va / y_valid.var().item()
        print(f"step {step:5d}  train {tr:.4f}  valid {va:.4f}  R2 {r2:.4f}")
