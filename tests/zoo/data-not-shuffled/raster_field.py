"""Surrogate of a magnetic field map that a probe scanned line by line."""
import os

import numpy as np
import torch
import torch.nn as nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


def field(x, y):
    return np.sin(3 * x) * np.cos(5 * y) + 0.8 * y * x - 0.6 * np.exp(-4 * ((x - 0.4) ** 2 + (y + 0.3) ** 2))


lines, points = 80, 100
gy, gx = np.meshgrid(np.linspace(-1, 1, lines), np.linspace(-1, 1, points), indexing="ij")
scan = np.stack([gx.ravel(), gy.ravel()], 1)
reading = field(scan[:, 0], scan[:, 1]) + 0.03 * rng.normal(size=len(scan))

held_out = rng.random(len(scan)) < 0.15
y_mean, y_std = reading[~held_out].mean(), reading[~held_out].std()
to = lambda a: torch.tensor(a, dtype=torch.float32)
X, Y = to(scan[~held_out] / 0.58), to((reading[~held_out] - y_mean) / y_std).unsqueeze(1)
Xv, Yv = to(scan[held_out] / 0.58), to((reading[held_out] - y_mean) / y_std).unsqueeze(1)

net = nn.Sequential(
    nn.Linear(2, 64), nn.Tanh(),
    nn.Linear(64, 64), nn.Tanh(),
    nn.Linear(64, 1),
)
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
loss_fn = nn.MSELoss()
bs, epochs = 85, 30
sched = torch.optim.lr_scheduler.StepLR(opt, 10, gamma=0.4)

for epoch in range(epochs):
    order = torch.randperm(len(X))
    seen = 0.0
    for i in range(0, len(X), bs):
        idx = order[i:i + bs]
        pred = net(X[idx])
        loss = loss_fn(pred, Y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        seen += loss.item() * len(idx)
    sched.step()
    with torch.no_grad():
        val = loss_fn(net(Xv), Yv).item()
    print(f"epoch {epoch:2d}: train mse {seen / len(X):.5f}, held-out mse {val:.5f}, r2 {1 - val / Yv.var().item():.4f}")
