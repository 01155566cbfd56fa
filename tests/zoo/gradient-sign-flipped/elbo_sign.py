"""Mixture of two Gaussians fitted by maximum likelihood with a reparametrised scale."""

import math
import os
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


class ConditionalGaussian(nn.Module):
    """p(y | x) = N(mu(x), sigma(x)^2)"""

    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(3, 24), nn.Tanh())
        self.mu, self.log_sigma = nn.Linear(24, 1), nn.Linear(24, 1)

    def log_prob(self, x, y):
        h = self.trunk(x)
        mu, ls = self.mu(h).squeeze(-1), self.log_sigma(h).squeeze(-1).clamp(-5, 5)
        return -0.5 * ((y - mu) * torch.exp(-ls)) ** 2 - ls - 0.5 * math.log(2 * math.pi)


x = torch.randn(2000, 3)
y = x[:, 0] * 0.8 - 0.5 * x[:, 1] ** 2 + torch.exp(0.4 * x[:, 2] - 1) * torch.randn(2000)
model = ConditionalGaussian()
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(20):
    for b in torch.randperm(1600).split(40):
        opt.zero_grad()
        loss = -model.log_prob(x[b], y[b]).mean()
        loss.backward()
        opt.step()
    if epoch % 4 == 3:
        with torch.no_grad():
            print(
                "epoch",
                epoch + 1,
                "objective %.4g" % loss.item(),
                "test log-likelihood %.4g" % model.log_prob(x[1600:], y[1600:]).mean().item(),
            )
