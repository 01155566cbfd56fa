"""Fit concentrations over time with a small tanh network, full-batch L-BFGS with strong Wolfe line search."""

import os

import numpy as np
import torch

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(SEED)


def concentrations(t, k1=1.3, k2=0.5):
    a = np.exp(-k1 * t)
    b = k1 / (k2 - k1) * (np.exp(-k1 * t) - np.exp(-k2 * t))
    return np.stack([a, b, 1 - a - b], axis=1)


t = np.sort(rng.uniform(0, 8, 300))
obs = concentrations(t) + rng.normal(0, 0.02, (300, 3))
time = torch.tensor(t / 4 - 1).unsqueeze(1)
target = torch.tensor(obs)

t_dense = np.linspace(0.1, 7.9, 200)
truth = torch.tensor(concentrations(t_dense))
time_dense = torch.tensor(t_dense / 4 - 1).unsqueeze(1)

net = torch.nn.Sequential(
    torch.nn.Linear(1, 12), torch.nn.Tanh(), torch.nn.Linear(12, 12), torch.nn.Tanh(), torch.nn.Linear(12, 3)
)
optimizer = torch.optim.LBFGS(net.parameters(), lr=1.0, max_iter=20, history_size=20, line_search_fn="strong_wolfe")
penalty = 1e-5


def closure():
    optimizer.zero_grad()
    loss = ((net(time) - target) ** 2).mean()
    loss = loss + penalty * sum((p**2).sum() for p in net.parameters())
    loss.backward()
    return loss


for outer in range(25):
    loss = optimizer.step(closure)
    if outer % 3 == 0 or outer == 24:
        with torch.no_grad():
            rmse = ((net(time_dense) - truth) ** 2).mean().sqrt().item()
        print(f"outer {outer:2d} objective {loss.item():.6f} rmse to truth {rmse:.5f}")
