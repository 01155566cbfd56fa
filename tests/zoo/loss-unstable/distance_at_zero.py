"""Siamese network on digits: same digit near, other digits far."""

import argparse
import os

import torch
from sklearn.datasets import load_digits
from torch import nn


class Embed(nn.Module):
    def __init__(self, dim=8):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, dim))

    def forward(self, x):
        return self.net(x)


def distance(a, b):
    return ((a - b).pow(2).sum(1) + 1e-8).sqrt()


def contrastive(d, same, margin=2.0):
    return torch.where(same, d**2, torch.relu(margin - d) ** 2).mean()


def pairs(x, y, n):
    i = torch.randint(len(x), (n,))
    j = torch.randint(len(x), (n,))
    for k in range(0, n, 2):  # every second pair shows the same digit
        same = torch.nonzero(y == y[i[k]]).flatten()
        j[k] = same[torch.randint(len(same), ())]
    return x[i], x[j], y[i] == y[j]


def main(seed, steps=500):
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    d = load_digits()
    x, y = torch.tensor(d.data / 16, dtype=torch.float32), torch.tensor(d.target)
    p = torch.randperm(len(x))
    x, y = x[p], y[p]
    model = Embed()
    opt = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-4)
    sched = torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.05, total_iters=steps)
    av, bv, sv = pairs(x[1400:], y[1400:], 400)
    mean = 0.0
    for step in range(1, steps + 1):
        a, b, same = pairs(x[:1400], y[:1400], 64)
        loss = contrastive(distance(model(a), model(b)), same)
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        mean += loss.item() / 100
        if step % 100 == 0:
            with torch.no_grad():
                dv = distance(model(av), model(bv))
                right = ((dv < 1) == sv).float().mean().item()
            print(f"step {step}: loss {mean:.4f} valid {contrastive(dv, sv).item():.4f} pairs right {right:.4f}")
            mean = 0.0


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=os.environ.get("SEED", "0"))
    main(ap.parse_args().seed)
