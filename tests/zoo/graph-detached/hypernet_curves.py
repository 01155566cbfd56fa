"""A hypernetwork writes the weights of a small regressor from a few observed points of a curve."""

import math
import os
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


@dataclass
class Config:
    points: int = 12
    queries: int = 16
    width: int = 16
    tasks: int = 32
    steps: int = 1200
    lr: float = 3e-3


def sample_curves(n, points):
    amp = 0.5 + torch.rand(n, 1)
    phase = math.pi * (2 * torch.rand(n, 1) - 1)
    x = 2 * torch.rand(n, points) * 2 - 2
    y = amp * torch.sin(1.5 * x + phase)
    return x.unsqueeze(-1), y.unsqueeze(-1)


class HyperLayer(nn.Module):
    """A linear layer per task, written from the task's code."""

    def __init__(self, code, n_in, n_out):
        super().__init__()
        self.shape = (n_in, n_out)
        self.weight_head = nn.Linear(code, n_in * n_out)
        self.bias_head = nn.Linear(code, n_out)

    def forward(self, x, code):
        weight = self.weight_head(code).view(-1, *self.shape)
        bias = self.bias_head(code).unsqueeze(1)
        return torch.baddbmm(bias, x, weight)


class HyperRegressor(nn.Module):
    def __init__(self, width, code=48):
        super().__init__()
        self.point = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())
        self.code = nn.Sequential(nn.Linear(64, code), nn.ReLU(), nn.Linear(code, code))
        self.first = HyperLayer(code, 1, width)
        self.second = HyperLayer(code, width, width)
        self.readout = nn.Linear(width, 1)

    def forward(self, xs, ys, xq):
        code = self.code(self.point(torch.cat([xs, ys], -1)).mean(1))
        h = torch.tanh(self.first(xq, code))
        h = torch.tanh(self.second(h, code))
        return self.readout(h)


def main(cfg):
    model = HyperRegressor(cfg.width)
    opt = torch.optim.Adam(model.parameters(), lr=cfg.lr)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, cfg.steps)
    mean_loss = 0.0
    for step in range(1, cfg.steps + 1):
        x, y = sample_curves(cfg.tasks, cfg.points + cfg.queries)
        p = cfg.points
        loss = F.mse_loss(model(x[:, :p], y[:, :p], x[:, p:]), y[:, p:])
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        sched.step()
        mean_loss += loss.item() / 200
        if step % 200 == 0:
            print(f"step {step} query mse {mean_loss:.4f}")
            mean_loss = 0.0
    with torch.no_grad():
        x, y = sample_curves(1000, cfg.points + 50)
        p = cfg.points
        mse = F.mse_loss(model(x[:, :p], y[:, :p], x[:, p:]), y[:, p:])
    print(f"new curves: mse {mse:.4f} (variance {y.var():.4f})")


main(Config())
