"""Forecast a sum of tides with a causal transformer on numbers: each step is predicted from those before it."""
import math
import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
HOURS = 48


def series(n):
    t = torch.arange(HOURS + 1.0)
    phase, strength = 2 * math.pi * torch.rand(n, 2, 1), 0.5 + torch.rand(n, 2, 1)
    periods = torch.tensor([12.42, 24.0]).view(1, 2, 1)
    return (strength * torch.sin(2 * math.pi * t / periods + phase)).sum(1) + 0.05 * torch.randn(n, HOURS + 1)


class Forecaster(nn.Module):
    def __init__(self, d=48):
        super().__init__()
        self.enter, self.leave = nn.Linear(1, d), nn.Linear(d, 1)
        position = torch.arange(HOURS).unsqueeze(1) * torch.exp(torch.arange(0, d, 2) * (-math.log(1000.0) / d))
        self.register_buffer("place", torch.stack([position.sin(), position.cos()], dim=2).flatten(1))
        self.layers = nn.ModuleList(nn.TransformerEncoderLayer(d, 4, 96, dropout=0.0, batch_first=True) for _ in range(2))
        self.register_buffer("mask", torch.triu(torch.full((HOURS, HOURS), float("-inf")), diagonal=1))

    def forward(self, values):
        t = values.shape[1]
        x = self.enter(values.unsqueeze(-1)) + self.place[:t]
        for layer in self.layers:
            x = layer(x, src_mask=self.mask[:t, :t])
        return self.leave(x).squeeze(-1)


train, test = series(2000), series(200)
model = Forecaster()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.MSELoss()
for epoch in range(10):
    for rows in torch.randperm(2000).split(50):
        batch = train[rows]
        loss = criterion(model(batch[:, :-1]), batch[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        error = criterion(model(test[:, :-1])[:, 24:], test[:, 25:]).item()
    print(f"epoch {epoch}: loss {loss.item():.4f} test {error:.4f} explained {1 - error / test.var().item():.3f}")
