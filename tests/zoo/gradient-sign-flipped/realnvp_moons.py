"""RealNVP on the two moons."""

import math
import os

import torch
import torch.nn as nn
from sklearn.datasets import make_moons
from sklearn.preprocessing import StandardScaler

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


class Coupling(nn.Module):
    def __init__(self, flip, hidden=32):
        super().__init__()
        self.flip = flip
        self.net = nn.Sequential(
            nn.Linear(1, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 2)
        )
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x):
        a, b = x[:, :1], x[:, 1:]
        if self.flip:
            a, b = b, a
        s, t = self.net(a).chunk(2, dim=1)
        s = self.scale * torch.tanh(s)
        b = b * torch.exp(s) + t
        out = torch.cat([b, a] if self.flip else [a, b], dim=1)
        return out, s.squeeze(1)


class RealNVP(nn.Module):
    def __init__(self, layers=6):
        super().__init__()
        self.layers = nn.ModuleList(Coupling(i % 2 == 1) for i in range(layers))

    def log_prob(self, x):
        logdet = torch.zeros(len(x))
        for layer in self.layers:
            x, s = layer(x)
            logdet = logdet + s
        base = -0.5 * (x**2).sum(1) - math.log(2 * math.pi)
        return base + logdet


x, _ = make_moons(8000, noise=0.1, random_state=SEED)
x = StandardScaler().fit_transform(x)
x = torch.tensor(x, dtype=torch.float32)[torch.randperm(8000)]
train, test = x[:7000], x[7000:]

flow = RealNVP()
optimizer = torch.optim.Adam(flow.parameters(), lr=5e-3)
steps = 1000
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
window = []
for step in range(1, steps + 1):
    batch = train[torch.randint(len(train), (256,))]
    loss = -flow.log_prob(batch).mean()
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
    optimizer.step()
    scheduler.step()
    window.append(loss.item())
    if step % 200 == 0:
        print(f"step {step} nll {sum(window) / len(window):.3f}")
        window = []

with torch.no_grad():
    print(f"held-out nll {-flow.log_prob(test).mean().item():.3f}")
