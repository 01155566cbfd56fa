"""Three machine states from a vibration sensor; the log is read from start to end."""

import os
import torch
from torch import nn

torch.set_num_threads(1)
g = torch.Generator().manual_seed(int(os.environ.get("SEED", 0)))
torch.manual_seed(int(os.environ.get("SEED", 0)))


def log(days, length=20):
    rows, states = [], []
    for d in range(days):
        state = d % 3
        f = (0.5, 0.8, 1.2)[state]
        t = torch.arange(length) * f
        ph = torch.rand(250, 1, generator=g) * 6.28
        amp = 0.7 + 0.6 * torch.rand(250, 1, generator=g)
        rows.append(amp * torch.sin(t + ph) + 0.9 * torch.randn(250, length, generator=g))
        states.append(torch.full((250,), state))
    return torch.cat(rows), torch.cat(states)


X, y = log(6)
Xv, yv = log(3)


class Loader:
    def __init__(self, X, y, size, shuffle=False):
        self.X, self.y, self.size, self.shuffle = X, y, size, shuffle

    def __iter__(self):
        order = torch.randperm(len(self.X)) if self.shuffle else torch.arange(len(self.X))
        for i in order.split(self.size):
            yield self.X[i], self.y[i]


net = nn.Sequential(nn.Linear(20, 48), nn.ReLU(), nn.Linear(48, 24), nn.ReLU(), nn.Linear(24, 3))
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
train = Loader(X, y, 25, shuffle=True)
for epoch in range(12):
    total = 0.0
    for xb, yb in train:
        loss = nn.functional.cross_entropy(net(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / 60
    if epoch % 3 == 2:
        with torch.no_grad():
            print(
                f"epoch {epoch + 1} mean loss {total:.3f} later days: accuracy {(net(Xv).argmax(1) == yv).float().mean():.3f}"
            )
