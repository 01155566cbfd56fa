"""Claim counts of a car portfolio: Poisson regression with exposure, negative log-likelihood summed over the policies."""

import os

import numpy as np
import pandas as pd
import torch

SEED = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

N = 8000
table = pd.DataFrame(
    {
        "age": rng.integers(18, 80, N),
        "power": rng.normal(75, 20, N),
        "bonus": rng.uniform(50, 150, N),
        "region": rng.choice(["north", "south", "east", "city"], N),
        "fuel": rng.choice(["petrol", "diesel"], N),
        "exposure": rng.uniform(0.3, 1.0, N),
    }
)
region_effect = table.region.map({"north": -0.2, "south": 0.1, "east": -0.1, "city": 0.5})
log_rate = (
    -1.4
    + 0.4 * (table.bonus - 100) / 29
    + 0.3 * (table.age < 25)
    - 0.15 * (table.age - 48) / 18
    + 0.1 * (table.power - 75) / 20
    + region_effect
    + 0.1 * (table.fuel == "diesel")
)
table["claims"] = rng.poisson(np.exp(log_rate) * table.exposure)

X = pd.get_dummies(table[["age", "power", "bonus", "region", "fuel"]], drop_first=True).astype(float)
X["young"] = (table.age < 25).astype(float)
X = (X - X.mean()) / X.std()
columns = list(X.columns)
X = torch.tensor(X.values, dtype=torch.float64)
offset = torch.tensor(np.log(table.exposure.values))
claims = torch.tensor(table.claims.values, dtype=torch.float64)
train, test = slice(0, 6000), slice(6000, N)


def negative_log_likelihood(eta, count):
    return (torch.exp(eta) - count * eta).sum()


def deviance(eta, count):
    mu = torch.exp(eta)
    log_term = torch.where(count > 0, count * torch.log(count.clamp(min=1) / mu), torch.zeros_like(mu))
    return 2 * (log_term - (count - mu)).sum().item()


beta = torch.zeros(X.shape[1], dtype=torch.float64, requires_grad=True)
base = torch.log(claims[train].sum() / torch.exp(offset[train]).sum()).clone().requires_grad_(True)
null_dev = deviance(base.detach() + offset[test], claims[test])

optimizer = torch.optim.SGD([beta, base], lr=1e-4)
for iteration in range(1, 201):
    eta = X[train] @ beta + base + offset[train]
    loss = negative_log_likelihood(eta, claims[train])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if iteration % 25 == 0:
        with torch.no_grad():
            d = deviance(X[test] @ beta + base + offset[test], claims[test])
        print(
            f"iteration {iteration:4d} nll {loss.item():.3f} gradient {beta.grad.norm():.2e} "
            f"test deviance explained {1 - d / null_dev:.4f}"
        )

print(pd.Series(beta.detach().numpy(), index=columns).round(3).to_string())
