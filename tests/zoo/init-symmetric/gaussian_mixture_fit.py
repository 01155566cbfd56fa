"""Density estimation: a Gaussian mixture fitted by stochastic gradient on the log-likelihood."""

import os

import torch
import torch.distributions as D
from torch import nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


def sample_flowers(n):
    """Points on five petals."""
    k = torch.randint(0, 5, (n,))
    r = 2.0 + 0.45 * torch.randn(n)
    a = 2 * torch.pi * k / 5 + 0.12 * torch.randn(n)
    return torch.stack([r * a.cos(), r * a.sin()], 1)


class MixtureModel(nn.Module):
    def __init__(self, components, dim, data):
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(components))
        self.means = nn.Parameter(data[torch.randperm(len(data))[:components]].clone())
        self.log_scales = nn.Parameter(torch.zeros(components, dim))

    def forward(self, x):
        mix = D.Categorical(logits=self.logits)
        comp = D.Independent(D.Normal(self.means, self.log_scales.exp()), 1)
        return D.MixtureSameFamily(mix, comp).log_prob(x)


data = sample_flowers(6000)
data = (data - data.mean(0)) / data.std(0)
train, test = data[:5000], data[5000:]

model = MixtureModel(16, 2, train)
optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
steps = 1200
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
for step in range(steps):
    batch = train[torch.randint(len(train), (200,))]
    nll = -model(batch).mean()
    optimizer.zero_grad()
    nll.backward()
    optimizer.step()
    scheduler.step()
    if step % 150 == 149:
        with torch.no_grad():
            print(f"step {step + 1} train nll {nll.item():.3f} test nll {-model(test).mean().item():.3f}")
