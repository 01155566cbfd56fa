"""Two moons with functional dropout."""

import math
import os

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))


def moons(n):
    side = torch.randint(0, 2, (n,))
    angle = math.pi * torch.rand(n)
    x = torch.stack([angle.cos(), angle.sin()], 1)
    x = torch.where(side[:, None] == 1, torch.tensor([1.0, 0.5]) - x, x)
    return x + 0.15 * torch.randn(n, 2), side


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(2, 64)
        self.b = nn.Linear(64, 64)
        self.c = nn.Linear(64, 2)

    def forward(self, x):
        x = F.dropout(F.relu(self.a(x)), 0.3, training=self.training)
        x = F.dropout(F.relu(self.b(x)), 0.3, training=self.training)
        return self.c(x)


x, y = moons(1600)
xv, yv = moons(400)
net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(15):
    net.train()
    for rows in torch.randperm(len(x)).split(32):
        loss = F.cross_entropy(net(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        out = net(xv)
    right = (out.argmax(1) == yv).float().mean()
    print(f"epoch {epoch + 1} validation {F.cross_entropy(out, yv):.4f} accuracy {right:.3f}")
