"""Prediction intervals by the pinball loss on heteroscedastic data."""
import numpy as np
import torch
from torch import nn

torch.manual_seed(2)
rng = np.random.default_rng(2)
QS = torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95])


def gen(n):
    x = rng.uniform(-3, 3, (n, 1))
    y = np.sin(1.5 * x) + (0.1 + 0.25 * np.abs(x)) * rng.normal(size=(n, 1))
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)


class QuantileNet(nn.Module):
    """First output is the lowest quantile, the others are added as positive increments: no crossing."""

    def __init__(self, h=64):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(1, h), nn.Tanh(), nn.Linear(h, h), nn.Tanh())
        self.low = nn.Linear(h, 1)
        self.inc = nn.Linear(h, len(QS) - 1)

    def forward(self, x):
        h = self.trunk(x)
        return torch.cat([self.low(h), self.low(h) + nn.functional.softplus(self.inc(h)).cumsum(1)], 1)


def pinball(q, y):
    d = y - q
    return torch.maximum(QS * d, (QS - 1) * d).mean()


xt, yt = gen(4000)
xv, yv = gen(2000)
net = QuantileNet()
opt = torch.optim.Adam(net.parameters(), lr=4e-3)
sched = torch.optim.lr_scheduler.ExponentialLR(opt, 0.93)
for ep in range(1, 31):
    tot = []
    for idx in torch.randperm(len(xt)).split(100):
        loss = pinball(net(xt[idx]), yt[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        tot.append(loss.item())
    sched.step()
    if ep % 6 == 0:
        with torch.no_grad():
            q = net(xv)
            below = (yv <= q).float().mean(0)
        print(f"epoch {ep} train {np.mean(tot):.4f} val {pinball(q, yv):.4f} share below quantiles",
              " ".join(f"{b:.3f}" for b in below.tolist()))
z = torch.tensor([-1.6449, -0.6745, 0.0, 0.6745, 1.6449])
oracle = torch.sin(1.5 * xv) + (0.1 + 0.25 * xv.abs()) * z
print(f"pinball of the true quantiles: {pinball(oracle, yv):.4f}")
