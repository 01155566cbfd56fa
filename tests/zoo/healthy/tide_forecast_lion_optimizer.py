"""Two-hour-ahead tide forecast with a home-made Lion optimizer."""

import os

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)


class Lion(Optimizer):
    """Sign of an interpolated momentum (Chen et al. 2023)."""

    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["m"] = torch.zeros_like(p)
                m = state["m"]
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(torch.sign(b1 * m + (1 - b1) * p.grad), alpha=-group["lr"])
                m.mul_(b2).add_(p.grad, alpha=1 - b2)
        return loss


hours = np.arange(3000)
level = (
    1.5 * np.sin(2 * np.pi * hours / 12.42)
    + 0.6 * np.sin(2 * np.pi * hours / 12.0 + 1)
    + 0.4 * np.sin(2 * np.pi * hours / 25.82 + 2)
)
surge = np.zeros(len(hours))
for i in range(1, len(hours)):
    surge[i] = 0.95 * surge[i - 1] + 0.05 * np.random.randn()
level = level + surge + 0.08 * np.random.randn(len(hours))
split = 2400
level = (level - level[:split].mean()) / level[:split].std()
WINDOW, AHEAD = 30, 2


def windows(series):
    n = len(series) - WINDOW - AHEAD + 1
    x = np.stack([series[i : i + WINDOW] for i in range(n)])
    y = series[WINDOW + AHEAD - 1 :][:n]
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)


x_train, y_train = windows(level[:split])
x_test, y_test = windows(level[split:])

model = nn.Sequential(nn.Linear(WINDOW, 48), nn.GELU(), nn.Linear(48, 24), nn.GELU(), nn.Linear(24, 1), nn.Flatten(0))
optimizer = Lion(model.parameters(), lr=6e-4, weight_decay=0.05)
EPOCHS, BATCH = 30, 64
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)

for epoch in range(EPOCHS):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(x_train)).split(BATCH):
        loss = nn.functional.mse_loss(model(x_train[idx]), y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    scheduler.step()
    if epoch % 5 == 4:
        model.eval()
        with torch.no_grad():
            mse = nn.functional.mse_loss(model(x_test), y_test).item()
        print(
            f"epoch {epoch + 1} train {total / len(x_train):.4f} test {mse:.4f} "
            f"skill {1 - mse / y_test.var().item():.4f}"
        )
