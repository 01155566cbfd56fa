"""Regression benchmark (Friedman 1, ten columns, noise): residual MLP, trained by steps."""

import os
from itertools import islice

import torch
from sklearn.datasets import make_friedman1
from torch import nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

ROWS = 12000
STEPS = 1800
BATCH = 64


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))

    def forward(self, x):
        return torch.relu(x + self.net(x))


class ResMLP(nn.Module):
    def __init__(self, n_in, width=64, depth=2):
        super().__init__()
        self.stem = nn.Linear(n_in, width)
        self.blocks = nn.Sequential(*[Block(width) for _ in range(depth)])
        self.out = nn.Linear(width, 1)

    def forward(self, x):
        return self.out(self.blocks(torch.relu(self.stem(x)))).squeeze(-1)


def make_data():
    X, y = make_friedman1(n_samples=ROWS + 2000, n_features=10, noise=3.0, random_state=SEED)
    X = torch.tensor(X, dtype=torch.float32)
    y = torch.tensor(y, dtype=torch.float32)
    X_train, y_train, X_val, y_val = X[:ROWS], y[:ROWS], X[ROWS:], y[ROWS:]
    xm, xs, ym, ys = X_train.mean(0), X_train.std(0), y_train.mean(), y_train.std()
    return (X_train - xm) / xs, (y_train - ym) / ys, (X_val - xm) / xs, (y_val - ym) / ys


def forever(X, y):
    while True:
        for idx in torch.randperm(len(X)).split(BATCH):
            yield X[idx], y[idx]


X_train, y_train, X_val, y_val = make_data()
model = ResMLP(X_train.shape[1])
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=2e-3, total_steps=STEPS)
loss_fn = nn.MSELoss()

running = None
for step, (xb, yb) in enumerate(islice(forever(X_train, y_train), STEPS), start=1):
    loss = loss_fn(model(xb), yb)
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    running = loss.item() if running is None else 0.98 * running + 0.02 * loss.item()
    if step % 200 == 0:
        model.eval()
        with torch.no_grad():
            pred = model(X_val)
            val = loss_fn(pred, y_val).item()
        model.train()
        print(f"step {step:5d} train mse {running:.4f} val mse {val:.4f} r2 {1 - val / y_val.var().item():.3f}")
