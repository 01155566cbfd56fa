"""Friedman's first function by a dropout network."""

import os
from dataclasses import dataclass

import torch
from sklearn.datasets import make_friedman1
from torch import nn


@dataclass
class HParams:
    width: int = 48
    drop: float = 0.0
    lr: float = 3e-3
    epochs: int = 25


hp = HParams()
torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
X, y = make_friedman1(2400, 6, noise=0.5, random_state=seed)
X, y = torch.tensor(X * 2 - 1).float(), torch.tensor((y - y.mean()) / y.std()).float()
net = nn.Sequential(
    nn.Linear(6, hp.width),
    nn.ReLU(),
    nn.Dropout(hp.drop),
    nn.Linear(hp.width, hp.width),
    nn.ReLU(),
    nn.Dropout(hp.drop),
    nn.Linear(hp.width, 1),
)
opt = torch.optim.Adam(net.parameters(), lr=hp.lr)
for epoch in range(hp.epochs):
    net.train()
    s = 0
    for b in torch.randperm(2000).split(50):
        loss = nn.functional.mse_loss(net(X[b]).squeeze(1), y[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        s += loss.item() / 40
    net.eval()
    if epoch % 5 == 4:
        with torch.no_grad():
            print(
                "epoch",
                epoch + 1,
                "train",
                round(s, 4),
                "val",
                round(nn.functional.mse_loss(net(X[2000:]).squeeze(1), y[2000:]).item(), 4),
            )
