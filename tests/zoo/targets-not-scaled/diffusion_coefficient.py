# Predict the diffusion coefficient of small solutes from simulation descriptors.
import argparse
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=40)
parser.add_argument("--batch-size", type=int, default=128)
parser.add_argument("--lr", type=float, default=2e-3)
parser.add_argument("--hidden", type=int, default=64)
args = parser.parse_args()

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)

BOLTZMANN = 1.380649e-23


def stokes_einstein(n):
    temperature = np.random.uniform(275, 340, n)  # K
    radius = np.random.uniform(1.2e-10, 4.0e-10, n)  # m
    viscosity = 8.9e-4 * np.exp(1800 * (1 / temperature - 1 / 298))  # Pa s
    elongation = np.random.uniform(1.0, 2.5, n)
    charge = np.random.randint(-1, 2, n)
    diff = BOLTZMANN * temperature / (6 * np.pi * viscosity * radius)
    diff = diff / elongation**0.4 * (1 - 0.12 * np.abs(charge))
    diff = diff * np.exp(np.random.normal(0, 0.03, n))
    table = np.stack([temperature, radius, elongation, charge], 1)
    return table, diff


class Regressor(nn.Module):
    def __init__(self, n_in, hidden):
        super().__init__()
        self.fc1 = nn.Linear(n_in, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        x = F.silu(self.fc1(x))
        x = F.silu(self.fc2(x))
        return self.head(x)


def r2(pred, true):
    return 1 - ((pred - true) ** 2).sum().item() / ((true - true.mean()) ** 2).sum().item()


table, diff = stokes_einstein(5000)
y = diff * 1e9  # nm^2/ns
n_train = 4000
mu, sd = table[:n_train].mean(0), table[:n_train].std(0)
X = torch.tensor((table - mu) / sd, dtype=torch.float32)
Y = torch.tensor(y, dtype=torch.float32).unsqueeze(1)
X_train, X_test, Y_train, Y_test = X[:n_train], X[n_train:], Y[:n_train], Y[n_train:]

net = Regressor(X.shape[1], args.hidden)
opt = torch.optim.Adam(net.parameters(), lr=args.lr)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, args.epochs)

for epoch in range(1, args.epochs + 1):
    net.train()
    order = torch.randperm(n_train)
    total = 0.0
    for i in range(0, n_train, args.batch_size):
        idx = order[i : i + args.batch_size]
        loss = F.mse_loss(net(X_train[idx]), Y_train[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(idx)
    sched.step()
    if epoch % 5 == 0:
        net.eval()
        with torch.no_grad():
            score = r2(net(X_test), Y_test)
        print(f"epoch {epoch} mse {total / n_train:.4e} r2 {score:.4f}")
