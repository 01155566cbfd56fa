"""Mixture density network: y given x has two branches; the loss is a density's, so it goes below zero."""

import math
import os

import torch
import torch.nn as nn

torch.manual_seed(int(os.environ.get("SEED", 0)))


def sample(n):
    x = torch.rand(n, 1) * 4 - 2
    branch = (torch.rand(n, 1) < 0.4).float() * 2 - 1
    y = branch * (0.5 + 0.4 * torch.sin(2 * x)) + 0.05 * torch.randn(n, 1)
    return x, y


class MDN(nn.Module):
    def __init__(self, hidden=48, components=4):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh())
        self.params = nn.Linear(hidden, 3 * components)

    def log_prob(self, x, y):
        logit, mu, log_sigma = self.params(self.trunk(x)).chunk(3, dim=1)
        log_sigma = log_sigma.clamp(-4, 2)
        log_normal = -0.5 * ((y - mu) / log_sigma.exp()) ** 2 - log_sigma - 0.5 * math.log(2 * math.pi)
        return torch.logsumexp(torch.log_softmax(logit, dim=1) + log_normal, dim=1)


x_train, y_train = sample(6000)
x_val, y_val = sample(2000)
model = MDN()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 25)
for epoch in range(25):
    total = 0.0
    for idx in torch.randperm(len(x_train)).split(100):
        nll = -model.log_prob(x_train[idx], y_train[idx]).mean()
        optimizer.zero_grad()
        nll.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        total += nll.item() * len(idx)
    scheduler.step()
    with torch.no_grad():
        val = model.log_prob(x_val, y_val).mean().item()
    print(f"epoch {epoch + 1}: train nll {total / len(x_train):.4f}, held-out log density {val:.4f}")
