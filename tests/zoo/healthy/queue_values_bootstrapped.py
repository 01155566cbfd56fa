"""How long will one wait: values of a queue's states, learnt from their own estimates one step ahead."""

import copy

import torch
import torch.nn as nn

torch.manual_seed(2)
CASHIERS, STAY = 2, 0.9


def customers(n):
    length = torch.randint(0, 21, (n,)).float()
    busy = torch.randint(0, 2, (n,)).float()
    return length, busy


def next_of(length, busy):
    arrived = torch.poisson(1.0 + busy)
    served = torch.minimum(length, torch.poisson(torch.full_like(length, float(CASHIERS))))
    length = (length + arrived - served).clamp(0, 20)
    busy = torch.where(torch.rand_like(busy) < 0.1, 1 - busy, busy)
    return length, busy


def features(length, busy):
    return torch.stack([length / 10 - 1, busy], dim=1)


values = nn.Sequential(nn.Linear(2, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 1))
behind = copy.deepcopy(values)
optimizer = torch.optim.Adam(values.parameters(), lr=1e-3)
for step in range(1500):
    length, busy = customers(128)
    with torch.no_grad():
        later, still = next_of(length, busy)
        target = length / 10 + STAY * behind(features(later, still)).squeeze(1)
    loss = nn.functional.mse_loss(values(features(length, busy)).squeeze(1), target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        for slow, fast in zip(behind.parameters(), values.parameters()):
            slow.lerp_(fast, 0.02)
    if step % 300 == 299:
        print(f"step {step + 1}: loss {loss.item():.4f}")

with torch.no_grad():
    length, busy = customers(400)
    guessed, waited, discount = values(features(length, busy)).squeeze(1), torch.zeros(400), 1.0
    paths = [(length.repeat(50), busy.repeat(50))]
    for _ in range(80):
        waited = waited + discount * (paths[-1][0] / 10).view(50, 400).mean(0)
        discount *= STAY
        paths.append(next_of(*paths[-1]))
    explained = 1 - (guessed - waited).square().mean() / waited.var()
print(f"explained of the true waits: {explained.item():.3f}")
