"""Online learning: four readings at a time from a noisy stream, plain SGD, averaged weights for use."""

import os

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

SEED = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)


def truth(x):
    return np.sin(2 * x[:, 0]) + 0.5 * x[:, 1] - 0.3 * x[:, 0] * x[:, 1]


def stream(batch):
    while True:
        x = rng.normal(size=(batch, 2))
        y = truth(x) + rng.normal(0, 0.8, batch)
        yield torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(2, 32), nn.Linear(32, 32), nn.Linear(32, 1)

    def forward(self, x):
        return self.c(torch.tanh(self.b(torch.tanh(self.a(x))))).squeeze(1)


x_check = rng.normal(size=(2000, 2))
clean = torch.tensor(truth(x_check), dtype=torch.float32)
x_check = torch.tensor(x_check, dtype=torch.float32)

net = Net()
ema = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.995))
optimizer = torch.optim.SGD(net.parameters(), lr=0.06)
decay = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: 1 / (1 + s / 1000))
readings = stream(4)
window = []
for step in range(1, 6001):
    x, y = next(readings)
    loss = nn.functional.mse_loss(net(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    decay.step()
    ema.update_parameters(net)
    window.append(loss.item())
    if step % 1000 == 0:
        with torch.no_grad():
            error = (ema(x_check) - clean).pow(2).mean()
        print(
            f"step {step} loss of the last thousand {np.mean(window):.3f} R2 to the clean curve {1 - error / clean.var():.4f}"
        )
        window.clear()
