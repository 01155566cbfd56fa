import os
import numpy as np
import torch
from sklearn.datasets import make_moons
from torch import nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)


class Coupling(nn.Module):
    def __init__(self, flip, hidden=32):
        super().__init__()
        self.flip = flip
        self.net = nn.Sequential(
            nn.Linear(1, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 2)
        )
        nn.init.zeros_(self.net[-1].weight)
        nn.init.zeros_(self.net[-1].bias)

    def forward(self, x):
        a, b = x.split(1, 1)
        if self.flip:
            a, b = b, a
        s, t = self.net(a).split(1, 1)
        s = torch.tanh(s) * 1.5
        b = b * s.exp() + t
        return torch.cat([b, a] if self.flip else [a, b], 1), s[:, 0]


class Flow(nn.Module):
    def __init__(self, n=4):
        super().__init__()
        self.layers = nn.ModuleList([Coupling(bool(k % 2)) for k in range(n)])

    def log_prob(self, x):
        logdet = 0
        for l in self.layers:
            x, ld = l(x)
            logdet = logdet + ld
        return -0.5 * (x**2).sum(1) - np.log(2 * np.pi) + logdet


flow = Flow()
optimizer = torch.optim.Adam(flow.parameters(), lr=4e-3)
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [400, 550], gamma=0.3)
rs = np.random.RandomState(seed)
for i in range(650):
    x, _ = make_moons(128, noise=0.1, random_state=rs)
    x = torch.tensor(x, dtype=torch.float32) - torch.tensor([0.5, 0.25])
    loss = -flow.log_prob(x).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if i % 130 == 0:
        print(f"iter {i}: nll {loss.item():.3f}")
with torch.no_grad():
    x, _ = make_moons(2000, noise=0.1, random_state=123)
    x = torch.tensor(x, dtype=torch.float32) - torch.tensor([0.5, 0.25])
    print("fresh data nll %.3f" % -flow.log_prob(x).mean())
