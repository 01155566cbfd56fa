"""Two spirals."""

import math
import os

import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


def spirals(n):
    r = torch.sqrt(torch.rand(n)) * 2.2 * math.pi
    lab = torch.randint(0, 2, (n,))
    ang = r + math.pi * lab
    pts = torch.stack([r * ang.cos(), r * ang.sin()], 1) / 4
    return pts + 0.04 * torch.randn(n, 2), lab


class SpiralNet(nn.Module):
    def __init__(self, widths=(64, 64)):
        super().__init__()
        dims = [2, *widths]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in zip(dims, dims[1:]))
        self.out = nn.Linear(dims[-1], 2)
        self.act = nn.ReLU()

    def forward(self, x):
        for layer in self.hidden:
            x = self.act(layer(x))
        return self.out(x)


net = SpiralNet()
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
x, y = spirals(1500)
xv, yv = spirals(600)
for epoch in range(35):
    for b in torch.randperm(1500).split(50):
        loss = nn.functional.cross_entropy(net(x[b]), y[b])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 7 == 6:
        with torch.no_grad():
            print(
                f"epoch {epoch + 1} loss {loss.item():.3f} validation accuracy {(net(xv).argmax(1) == yv).float().mean():.3f}"
            )
