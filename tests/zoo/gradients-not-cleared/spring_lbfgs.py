"""A damped spring, fitted by L-BFGS on all points at once."""

import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
torch.set_num_threads(1)

t = torch.linspace(0, 6, 240).unsqueeze(1)
position = torch.exp(-0.3 * t) * torch.cos(3 * t)
net = nn.Sequential(nn.Linear(1, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 1))
optimizer = torch.optim.LBFGS(net.parameters(), lr=0.5, max_iter=10)


def closure():
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(net(t), position)
    loss.backward()
    return loss


for step in range(30):
    loss = optimizer.step(closure)
    if step % 5 == 4:
        print(f"step {step}: mse {loss.item():.5f}")
