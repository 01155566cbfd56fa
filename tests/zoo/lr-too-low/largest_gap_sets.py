"""Deep Sets: how far apart are the two outermost points of a set of numbers?"""
import argparse
import os
import random

import numpy as np
import torch
from torch import nn


class DeepSet(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.phi = nn.Sequential(nn.Linear(1, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.rho = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU(), nn.Linear(width, 1))

    def forward(self, sets):
        h = self.phi(sets.unsqueeze(-1))
        pooled = torch.cat([h.mean(dim=1), h.amax(dim=1)], dim=-1)
        return self.rho(pooled).squeeze(-1)


def sample_sets(n, size, generator):
    centre = torch.randn(n, 1, generator=generator) * 0.5
    spread = torch.rand(n, 1, generator=generator) + 0.3
    sets = centre + spread * torch.randn(n, size, generator=generator)
    gap = sets.max(dim=1).values - sets.min(dim=1).values
    return sets, gap


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("--epochs", type=int, default=15)
    p.add_argument("--batch-size", type=int, default=64)
    p.add_argument("--lr", type=float, default=2e-3)
    p.add_argument("--width", type=int, default=64)
    p.add_argument("--seed", type=int, default=int(os.environ.get("SEED", 0)))
    return p.parse_args()


def main():
    args = parse()
    random.seed(args.seed)
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)
    g = torch.Generator().manual_seed(args.seed)

    x_train, y_train = sample_sets(4000, 10, g)
    x_test, y_test = sample_sets(1000, 10, g)
    mu, sd = y_train.mean(), y_train.std()
    y_train, y_test = (y_train - mu) / sd, (y_test - mu) / sd

    net = DeepSet(args.width)
    opt = torch.optim.Adam(net.parameters(), lr=args.lr)
    sched = torch.optim.lr_scheduler.LinearLR(opt, start_factor=1.0, end_factor=0.02, total_iters=args.epochs)
    mse = nn.MSELoss()

    for epoch in range(args.epochs):
        net.train()
        order = torch.randperm(len(x_train))
        total = 0.0
        for idx in order.split(args.batch_size):
            opt.zero_grad()
            loss = mse(net(x_train[idx]), y_train[idx])
            loss.backward()
            opt.step()
            total += loss.item() * len(idx)
        sched.step()
        net.eval()
        with torch.no_grad():
            val = mse(net(x_test), y_test).item()
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1} train {total / len(x_train):.4f} test {val:.4f}")

    net.eval()
    with torch.no_grad():
        error = (net(x_test) - y_test).pow(2).mean()
    print(f"r2 {max(0.0, 1 - (error / y_test.var()).item()):.4f}")


if __name__ == "__main__":
    main()
