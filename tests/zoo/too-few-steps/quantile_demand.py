import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
QUANTILES = torch.tensor([0.1, 0.5, 0.9])


def demand(n):
    x = torch.rand(n, 3) * 2 - 1
    level = 1.5 * torch.sin(3 * x[:, 0]) + x[:, 1] * x[:, 2]
    spread = 0.2 + 0.4 * torch.sigmoid(3 * x[:, 1])
    return x / 0.577, level + spread * torch.randn(n)


def pinball(pred, y):
    gap = y[:, None] - pred
    return torch.maximum(QUANTILES * gap, (QUANTILES - 1) * gap).mean()


x, y = demand(6000)
scale = y[:5000].std()
y = (y - y[:5000].mean()) / scale
net = nn.Sequential(nn.Linear(3, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, 3))
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
iterations = 3000
losses = []
for it in range(1, iterations + 1):
    b = torch.randint(0, 5000, (100,))
    loss = pinball(net(x[b]), y[b])
    opt.zero_grad()
    loss.backward()
    opt.step()
    losses.append(loss.item())
    if it % (iterations // 10) == 0:
        recent = losses[-iterations // 10 :]
        with torch.no_grad():
            q = net(x[5000:])
            val = pinball(q, y[5000:]).item()
            inside = ((y[5000:] > q[:, 0]) & (y[5000:] < q[:, 2])).float().mean().item()
        print(f"it {it} pinball {sum(recent) / len(recent):.4f} val {val:.4f} inside {inside:.3f}")
