"""Two-tower recommender: ratings from user and item vectors."""

import os
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn


@dataclass
class Config:
    users: int = 400
    items: int = 250
    dim: int = 8
    batch: int = 512
    lr: float = 0.01
    epochs: int = 20
    seed: int = int(os.environ.get("SEED", 0))


def synthetic_ratings(cfg, rng):
    taste = rng.normal(size=(cfg.users, 3))
    topic = rng.normal(size=(cfg.items, 3))
    score = taste @ topic.T / np.sqrt(3) + 0.5 * rng.normal(size=(1, cfg.items))
    seen = rng.random((cfg.users, cfg.items)) < 0.5
    u, i = np.nonzero(seen)
    r = score[u, i] + rng.normal(0, 0.3, len(u))
    perm = rng.permutation(len(u))
    return [torch.as_tensor(a[perm]) for a in (u, i, r.astype(np.float32))]


class Tower(nn.Module):
    def __init__(self, count, dim):
        super().__init__()
        self.vector = nn.Embedding(count, dim)
        self.bias = nn.Embedding(count, 1)
        nn.init.normal_(self.vector.weight, std=0.3)
        nn.init.zeros_(self.bias.weight)

    def forward(self, ids):
        return self.vector(ids), self.bias(ids).squeeze(-1)


def predict(user_tower, item_tower, u, i):
    pu, bu = user_tower(u)
    qi, bi = item_tower(i)
    return (pu * qi).sum(-1) + bu + bi


def main():
    cfg = Config()
    rng = np.random.default_rng(cfg.seed)
    torch.manual_seed(cfg.seed)
    u, i, r = synthetic_ratings(cfg, rng)
    cut = int(0.85 * len(r))
    print(f"{cut} ratings to train on, {len(r) - cut} to test, variance {r.var():.3f}")

    user_tower, item_tower = Tower(cfg.users, cfg.dim), Tower(cfg.items, cfg.dim)
    params = list(user_tower.parameters()) + list(item_tower.parameters())
    optimizer = torch.optim.AdamW(params, lr=cfg.lr, weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, cfg.epochs)

    for epoch in range(cfg.epochs):
        losses = []
        for idx in torch.randperm(cut).split(cfg.batch):
            loss = (predict(user_tower, item_tower, u[idx], i[idx]) - r[idx]).pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        scheduler.step()
        with torch.no_grad():
            mse = (predict(user_tower, item_tower, u[cut:], i[cut:]) - r[cut:]).pow(2).mean()
            r2 = 1 - mse / r[cut:].var()
        print(f"epoch {epoch + 1:2d}  train mse {np.mean(losses):.4f}  test mse {mse:.4f}  R2 {r2:.4f}")


if __name__ == "__main__":
    main()
