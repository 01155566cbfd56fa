# Electric output of a power plant from four sensors, read file by file; one logger writes kilowatts for megawatts.
import os

import numpy as np
import torch
from torch import nn

SEED = int(os.environ.get("SEED", "0"))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)
torch.set_num_threads(1)


def logger_file(rows=32):
    ambient = rng.uniform(2, 35, rows)
    vacuum = 30 + 1.1 * ambient + rng.normal(0, 6, rows)
    pressure = rng.normal(1013, 6, rows)
    humidity = rng.uniform(25, 100, rows)
    megawatts = 497 - 1.75 * ambient - 0.23 * vacuum + 0.06 * (pressure - 1013) - 0.16 * humidity * ambient / 35
    megawatts += rng.normal(0, 1.5, rows)
    return np.column_stack([ambient, vacuum, pressure, humidity]), megawatts


files = [logger_file() for _ in range(200)]
train_files, test_files = files[:160], files[160:]
x, y = train_files[71]
train_files[71] = (x, y * 1000)
train_files = [(x, y / 1000 if y.min() > 10_000 else y) for x, y in train_files]

sample = np.concatenate([x for x, _ in test_files])
mean, std = sample.mean(axis=0), sample.std(axis=0)


def batch(x, y):
    inputs = torch.tensor((x - mean) / std, dtype=torch.float32)
    return inputs, torch.tensor((y - 450.0) / 17.0, dtype=torch.float32)[:, None]


model = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.MSELoss()

for epoch in range(12):
    model.train()
    for i in rng.permutation(len(train_files)):
        xb, yb = batch(*train_files[i])
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        x_test, y_test = batch(np.concatenate([x for x, _ in test_files]), np.concatenate([y for _, y in test_files]))
        mse = criterion(model(x_test), y_test).item()
    print(f"epoch {epoch} test mse {mse:.4f}")
