"""Poisson regression of yearly insurance claims, the coefficients against the ones that made the data."""

import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

n = 6000
age = rng.uniform(18, 80, n)
power = rng.gamma(4, 25, n)
urban = rng.integers(0, 2, n)
region = rng.integers(0, 4, n)
exposure = rng.uniform(0.2, 1.0, n)

numeric = np.stack([age, power], 1)
numeric = (numeric - numeric.mean(0)) / numeric.std(0)
X = np.concatenate([numeric, urban[:, None] - 0.5, np.eye(4)[region][:, 1:]], 1)
true_beta = np.array([-0.45, 0.30, 0.50, 0.20, -0.40, 0.60])
rate = np.exp(0.1 + X @ true_beta)
claims = rng.poisson(rate * exposure)

X = torch.tensor(X, dtype=torch.float32)
log_exposure = torch.tensor(np.log(exposure), dtype=torch.float32)
claims = torch.tensor(claims, dtype=torch.float32)
loader = DataLoader(TensorDataset(X[:5000], log_exposure[:5000], claims[:5000]), batch_size=100, shuffle=True)

glm = nn.Linear(X.shape[1], 1)
nn.init.zeros_(glm.weight)
nn.init.zeros_(glm.bias)
criterion = nn.PoissonNLLLoss(log_input=True)
optimizer = torch.optim.SGD(glm.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.85)

for epoch in range(25):
    total = 0.0
    for x, offset, y in loader:
        log_rate = glm(x).squeeze(1) + offset
        loss = criterion(log_rate, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    scheduler.step()
    if epoch % 5 == 4:
        with torch.no_grad():
            held = criterion(glm(X[5000:]).squeeze(1) + log_exposure[5000:], claims[5000:]).item()
        print(f"epoch {epoch + 1} deviance loss {total / len(loader):.4f} held-out {held:.4f}")

beta = glm.weight.detach().squeeze(0).numpy()
print("estimated", beta.round(2), "true", true_beta)
print(f"largest coefficient error {np.abs(beta - true_beta).max():.3f}")
