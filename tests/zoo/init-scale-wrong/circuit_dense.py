"""Impedance of an RLC circuit (Friedman 2) with our own dense layers - lab 3."""
import math
import os

import torch
from sklearn.datasets import make_friedman2
from torch import nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


class Dense(nn.Module):
    def __init__(self, n_in, n_out, activation=None):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_in, n_out) / math.sqrt(n_in))
        self.bias = nn.Parameter(torch.zeros(n_out))
        self.activation = activation

    def forward(self, x):
        z = x @ self.weight + self.bias
        return z if self.activation is None else self.activation(z)


class Net(nn.Module):
    def __init__(self, width=128):
        super().__init__()
        self.d1 = Dense(4, width, torch.tanh)
        self.d2 = Dense(width, width, torch.tanh)
        self.d3 = Dense(width, width, torch.tanh)
        self.d4 = Dense(width, 1)

    def forward(self, x):
        return self.d4(self.d3(self.d2(self.d1(x)))).squeeze(-1)


def load():
    X, y = make_friedman2(n_samples=4000, noise=20.0, random_state=SEED)
    X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
    Xtr, Xte, ytr, yte = X[:3200], X[3200:], y[:3200], y[3200:]
    mx, sx, my, sy = Xtr.mean(0), Xtr.std(0), ytr.mean(), ytr.std()
    return (Xtr - mx) / sx, (ytr - my) / sy, (Xte - mx) / sx, (yte - my) / sy


def train(net, X, y, epochs=30, batch=64, lr=0.02):
    opt = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9, nesterov=True)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
    for epoch in range(epochs):
        total = 0.0
        for idx in torch.randperm(len(X)).split(batch):
            loss = nn.functional.mse_loss(net(X[idx]), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx)
        sched.step()
        yield epoch + 1, total / len(X)


def r2(net, X, y):
    with torch.no_grad():
        return 1 - ((net(X) - y) ** 2).mean().item() / y.var(unbiased=False).item()


Xtr, ytr, Xte, yte = load()
net = Net()
for epoch, loss in train(net, Xtr, ytr):
    if epoch % 3 == 0:
        print(f"epoch {epoch}: mse {loss:.4f}, held-out R2 {r2(net, Xte, yte):.3f}")
