"""A variational autoencoder of curves: two tones and their phases, seen at 96 points in time."""

import math

import torch
from torch import nn
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F

POINTS, LATENT = 96, 6
torch.manual_seed(0)
time = torch.linspace(0, 1, POINTS)


def curves(number):
    pitch = torch.randint(1, 5, (number, 1)).float()
    phase = 2 * math.pi * torch.rand(number, 1)
    size = 0.5 + torch.rand(number, 1)
    return size * torch.sin(2 * math.pi * pitch * time + phase) + 0.05 * torch.randn(number, POINTS)


class CurveModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(nn.Conv1d(1, 16, 8, stride=4, padding=2), nn.GELU(), nn.Flatten())
        self.moments = nn.Linear(16 * 24, 2 * LATENT)
        self.up = nn.Sequential(nn.Linear(LATENT, 128), nn.GELU(), nn.Linear(128, 128), nn.GELU(), nn.Linear(128, POINTS))

    def forward(self, x):
        mean, log_std = self.moments(self.down(x[:, None])).chunk(2, dim=1)
        code = Normal(mean, log_std.clamp(-6, 2).exp())
        return self.up(code.rsample()), code


def objective(rebuilt, x, code):
    error = F.mse_loss(rebuilt, x, reduction="sum") / len(x)
    prior = Normal(torch.zeros(LATENT), torch.ones(LATENT))
    return error + 0.5 * kl_divergence(code, prior).sum(dim=1).mean()


train, held_out = curves(2000), curves(400)
model = CurveModel()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
for epoch in range(20):
    for rows in torch.randperm(len(train)).split(50):
        batch = train[rows]
        rebuilt, code = model(batch)
        loss = objective(rebuilt, batch, code)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        with torch.no_grad():
            rebuilt, code = model(held_out)
            explained = 1 - (rebuilt - held_out).square().mean() / held_out.var(dim=0).mean()
        print(f"epoch {epoch + 1}: explained {explained:.3f}, codes differ by {code.mean.std(dim=0).mean():.3f}")
