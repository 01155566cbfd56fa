"""Denoising diffusion of a spiral: predicts the noise, sinusoidal time, cosine-free linear schedule."""
import math
import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
T = 100
betas = torch.linspace(1e-4, 0.1, T)
kept = torch.cumprod(1 - betas, 0)


def data(n):
    t = 1.5 * math.pi * (1 + 2 * torch.rand(n))
    return torch.stack([t * t.cos(), t * t.sin()], 1) / 8 + 0.02 * torch.randn(n, 2)


class Denoiser(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("waves", torch.exp(torch.linspace(0, 5, 16)))
        self.time = nn.Linear(32, 64)
        self.place = nn.Linear(2, 64)
        self.net = nn.Sequential(nn.SiLU(), nn.Linear(64, 128), nn.SiLU(), nn.Linear(128, 128), nn.SiLU(), nn.Linear(128, 2))

    def forward(self, x, t):
        angle = t[:, None].float() / T * self.waves
        return self.net(self.place(x) + self.time(torch.cat([angle.sin(), angle.cos()], 1)))


model = Denoiser()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for step in range(3000):
    x0 = data(128)
    t = torch.randint(0, T, (128,))
    noise = torch.randn_like(x0)
    a = kept[t][:, None]
    x = a.sqrt() * x0 + (1 - a).sqrt() * noise
    loss = nn.functional.mse_loss(model(x, t), noise)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 600 == 599:
        print(f"step {step + 1} loss {loss.item():.4f}")
with torch.no_grad():
    x = torch.randn(400, 2)
    for i in reversed(range(T)):
        e = model(x, torch.full((400,), i))
        x = (x - betas[i] / (1 - kept[i]).sqrt() * e) / (1 - betas[i]).sqrt()
        if i:
            x = x + betas[i].sqrt() * torch.randn_like(x)
print(f"nearest {torch.cdist(x, data(1500)).min(1).values.mean().item():.4f}")
