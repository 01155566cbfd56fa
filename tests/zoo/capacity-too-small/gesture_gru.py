"""Eight gestures drawn with a pen, recognised from the trace by a GRU."""

import argparse
import math
import os
import random

import torch
import torch.nn as nn

parser = argparse.ArgumentParser()
parser.add_argument("--hidden", type=int, default=32)
parser.add_argument("--lr", type=float, default=1e-2)
parser.add_argument("--epochs", type=int, default=22)
parser.add_argument("--batch", type=int, default=64)
args = parser.parse_args()

SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
torch.manual_seed(SEED)
T = 24


def gesture(kind, n):
    """Pen velocities of n traces of one kind, (n, T, 2)."""
    s = torch.linspace(0, 1, T).expand(n, T)
    a = 2 * math.pi * s
    path = {
        0: (torch.cos(a), torch.sin(a)),  # circle
        1: (torch.cos(-a), torch.sin(-a)),  # circle, other way
        2: (torch.sin(a), torch.sin(2 * a)),  # eight
        3: (2 * s - 1, torch.sin(3 * a)),  # wave
        4: (2 * s - 1, (2 * s - 1).abs() * 2),  # V
        5: (2 * s - 1, -(2 * s - 1).abs() * 2),  # roof
        6: (s * torch.cos(2 * a), s * torch.sin(2 * a)),  # spiral out
        7: ((1 - s) * torch.cos(2 * a), (1 - s) * torch.sin(2 * a)),  # spiral in
    }[kind]
    xy = torch.stack(path, -1) * (0.8 + 0.4 * torch.rand(n, 1, 1))
    turn = 0.25 * torch.randn(n)
    rot = torch.stack([torch.stack([turn.cos(), -turn.sin()], -1), torch.stack([turn.sin(), turn.cos()], -1)], -2)
    xy = xy @ rot + 0.03 * torch.randn(n, T, 2)
    v = xy.diff(dim=1, prepend=xy[:, :1])
    return v / 0.25


def dataset(per_class):
    x = torch.cat([gesture(k, per_class) for k in range(8)])
    y = torch.arange(8).repeat_interleave(per_class)
    return x, y


class GestureNet(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.gru = nn.GRU(2, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, 8)

    def forward(self, x):
        _, h = self.gru(x)
        return self.fc(h[-1])


x_train, y_train = dataset(300)
x_test, y_test = dataset(80)
model = GestureNet(args.hidden)
opt = torch.optim.Adam(model.parameters(), lr=args.lr)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, args.epochs)
lossf = nn.CrossEntropyLoss()

for epoch in range(1, args.epochs + 1):
    model.train()
    order = torch.randperm(len(x_train))
    losses = []
    for i in range(0, len(order), args.batch):
        idx = order[i : i + args.batch]
        opt.zero_grad()
        loss = lossf(model(x_train[idx]), y_train[idx])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        opt.step()
        losses.append(loss.item())
    sched.step()
    model.eval()
    with torch.no_grad():
        tr = (model(x_train).argmax(1) == y_train).float().mean()
        te = (model(x_test).argmax(1) == y_test).float().mean()
    print(f"epoch {epoch:2d} loss {sum(losses) / len(losses):.3f} train acc {tr:.3f} test acc {te:.3f}")
