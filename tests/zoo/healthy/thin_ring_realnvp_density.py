# Density of points on a thin ring, RealNVP; reports nats per point
import os
import math

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))


def ring(n):
    a = 2 * math.pi * torch.rand(n)
    r = 0.5 + 0.02 * torch.randn(n)
    return torch.stack([r * torch.cos(a), r * torch.sin(a), 0.3 * r * torch.sin(2 * a) + 0.02 * torch.randn(n)], 1)


class Coupling(nn.Module):
    def __init__(self, dim, mask, width=32):
        super().__init__()
        self.register_buffer("mask", mask)
        self.net = nn.Sequential(
            nn.Linear(dim, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2 * dim)
        )
        nn.init.zeros_(self.net[-1].weight)
        nn.init.zeros_(self.net[-1].bias)

    def forward(self, x):
        keep = x * self.mask
        s, t = self.net(keep).chunk(2, dim=1)
        s = 2.0 * torch.tanh(s) * (1 - self.mask)
        t = t * (1 - self.mask)
        return keep + (1 - self.mask) * (x * torch.exp(s) + t), s.sum(1)


class Flow(nn.Module):
    def __init__(self, dim=3, layers=6):
        super().__init__()
        masks = [torch.tensor([float(i == k % dim) for i in range(dim)]) for k in range(layers)]
        self.layers = nn.ModuleList([Coupling(dim, 1 - m) for m in masks])

    def log_prob(self, x):
        total = torch.zeros(len(x))
        for layer in self.layers:
            x, d = layer(x)
            total = total + d
        return total - 0.5 * (x**2).sum(1) - 0.5 * x.shape[1] * math.log(2 * math.pi)


data, held_out = ring(6000), ring(1500)
mean, std = data.mean(0), data.std(0)
data, held_out = (data - mean) / std, (held_out - mean) / std
log_scale = std.log().sum()

flow = Flow()
opt = torch.optim.Adam(flow.parameters(), lr=3e-3)
EPOCHS, BATCH = 12, 100
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS * (len(data) // BATCH))
for epoch in range(EPOCHS):
    running = 0.0
    for idx in torch.randperm(len(data)).split(BATCH):
        loss = -(flow.log_prob(data[idx]) - log_scale).mean()
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
        opt.step()
        sched.step()
        running += loss.item() * len(idx)
    with torch.no_grad():
        test = (flow.log_prob(held_out) - log_scale).mean().item()
    print(f"epoch {epoch + 1:2d} nll {running / len(data):.4f} held-out log-likelihood {test:.4f}")
