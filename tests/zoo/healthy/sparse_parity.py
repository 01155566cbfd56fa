"""Parity of three hidden bits among forty, fresh examples at every step: nothing happens for a while, then it clicks."""

import argparse
import os

import torch
from torch import nn

p = argparse.ArgumentParser()
p.add_argument("--bits", type=int, default=40)
p.add_argument("--k", type=int, default=3)
p.add_argument("--steps", type=int, default=3000)
p.add_argument("--batch", type=int, default=128)
p.add_argument("--lr", type=float, default=1e-3)
p.add_argument("--seed", type=int, default=int(os.environ.get("SEED", 0)))
args = p.parse_args()

gen = torch.Generator().manual_seed(args.seed)
torch.manual_seed(args.seed)
secret = torch.randperm(args.bits, generator=gen)[: args.k]


def draw(n):
    bits = torch.randint(0, 2, (n, args.bits), generator=gen).float() * 2 - 1
    return bits, (bits[:, secret].prod(1) > 0).long()


model = nn.Sequential(nn.Linear(args.bits, 128), nn.ReLU(), nn.Linear(128, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.steps)
loss_fn = nn.CrossEntropyLoss()
x_val, y_val = draw(2000)

for step in range(1, args.steps + 1):
    x, y = draw(args.batch)
    loss = loss_fn(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if step % 200 == 0:
        with torch.no_grad():
            out = model(x_val)
        print(
            f"step {step} loss {loss.item():.4f} val {loss_fn(out, y_val).item():.4f} acc {(out.argmax(1) == y_val).float().mean().item():.4f}"
        )
