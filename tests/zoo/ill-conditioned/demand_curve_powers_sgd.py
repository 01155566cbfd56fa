"""Daily demand curve as a polynomial in the time of day, fitted by mini-batch SGD."""

import os

import numpy as np
import torch

SEED = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

DEGREE = 9
EPOCHS = 50
BATCH = 20
LR = 0.09


def demand(t):
    return 1.2 * np.sin(2 * np.pi * 1.25 * t + 0.6) + 0.8 * np.exp(-(((t - 0.78) / 0.09) ** 2)) - 0.5 * t


def design(t):
    phi = np.polynomial.legendre.legvander(2 * t - 1, DEGREE)[:, 1:]
    return phi


def as_tensor(a):
    return torch.tensor(a, dtype=torch.float32)


t_train, t_test = rng.uniform(0, 1, 1000), rng.uniform(0, 1, 300)
y_train = demand(t_train) + 0.2 * rng.standard_normal(1000)
y_test = demand(t_test) + 0.2 * rng.standard_normal(300)
y_mean, y_std = y_train.mean(), y_train.std()

A, B = design(t_train), design(t_test)
mean, std = A.mean(0), A.std(0)
A, B = as_tensor((A - mean) / std), as_tensor((B - mean) / std)
u, v = as_tensor((y_train - y_mean) / y_std), as_tensor((y_test - y_mean) / y_std)

w = torch.zeros(DEGREE, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
opt = torch.optim.SGD([w, b], lr=LR)

for epoch in range(EPOCHS):
    losses = []
    for idx in torch.randperm(len(A)).split(BATCH):
        residual = A[idx] @ w + b - u[idx]
        loss = residual.pow(2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    if epoch % 5 == 4:
        with torch.no_grad():
            mse = (B @ w + b - v).pow(2).mean()
        print(f"epoch {epoch + 1:3d}  train mse {np.mean(losses):.4f}  test mse {mse:.4f}  R2 {1 - mse / v.var():.4f}")
