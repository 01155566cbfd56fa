"""Autoencoder fitted to normal pump records only; anomalies are found by their reconstruction error."""
import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import roc_auc_score
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

SENSORS = 24
mix = rng.normal(size=(4, SENSORS))


def normal_records(n):
    state = rng.normal(size=(n, 4))
    return np.tanh(state @ mix / 2) + 0.1 * rng.normal(size=(n, SENSORS))


def broken_records(n):
    rows = normal_records(n)
    for r in rows:
        bad = rng.choice(SENSORS, 4, replace=False)
        r[bad] += rng.choice([-1, 1], 4) * rng.uniform(1.5, 4.0, 4)
    return rows


train = normal_records(4000)
holdout = np.concatenate([normal_records(500), broken_records(500)])
is_broken = np.repeat([0, 1], 500)

mean, std = train.mean(0), train.std(0)
train = torch.tensor((train - mean) / std, dtype=torch.float32)
holdout = torch.tensor((holdout - mean) / std, dtype=torch.float32)

model = nn.Sequential(
    nn.Linear(SENSORS, 48), nn.ELU(), nn.Linear(48, 4),
    nn.Linear(4, 48), nn.ELU(), nn.Linear(48, SENSORS),
)
loader = DataLoader(TensorDataset(train, train), batch_size=64, shuffle=True)
EPOCHS = 14
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, 6e-3, epochs=EPOCHS, steps_per_epoch=len(loader))
criterion = nn.MSELoss()

for epoch in range(EPOCHS):
    model.train()
    losses = []
    for xb, target in loader:
        loss = criterion(model(xb), target)
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        out = model(holdout)
        mixed_loss = criterion(out, holdout).item()
        errors = (out - holdout).pow(2).mean(1).numpy()
    print(f"epoch {epoch:2d} train {np.mean(losses):.4f} mixed hold-out {mixed_loss:.4f} "
          f"normal part {errors[:500].mean():.4f} auc {roc_auc_score(is_broken, errors):.3f}")
