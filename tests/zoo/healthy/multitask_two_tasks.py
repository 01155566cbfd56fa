"""Class and coordinates of a blob predicted by one trunk; learned task weights (Kendall et al.)."""

import os
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


def blobs(n, s=14):
    g = torch.arange(s).float()
    c = torch.rand(n, 2) * (s - 6) + 3
    k = torch.randint(0, 3, (n,))
    sx = torch.tensor([1.0, 2.2, 1.0])[k][:, None, None]
    sy = torch.tensor([1.0, 1.0, 2.2])[k][:, None, None]
    img = torch.exp(
        -(((g[None, None] - c[:, 1, None, None]) / sx) ** 2) / 2
        - ((g[None, :, None] - c[:, 0, None, None]) / sy) ** 2 / 2
    )
    return (img + 0.1 * torch.randn(n, s, s))[:, None], k, c / s * 2 - 1


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 12, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(12 * 49, 32),
            nn.ReLU(),
        )
        self.kind, self.place = nn.Linear(32, 3), nn.Linear(32, 2)
        self.log_var = nn.Parameter(torch.zeros(2))

    def forward(self, x):
        h = self.trunk(x)
        return self.kind(h), self.place(h)


net = Net()
opt = torch.optim.Adam(
    [
        {"params": net.trunk.parameters()},
        {"params": [*net.kind.parameters(), *net.place.parameters()]},
        {"params": [net.log_var], "lr": 1e-2},
    ],
    lr=2e-3,
)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 360)
for it in range(360):
    x, k, c = blobs(48)
    a, b = net(x)
    l1, l2 = F.cross_entropy(a, k), F.mse_loss(b, c)
    loss = torch.exp(-net.log_var[0]) * l1 + 0.5 * torch.exp(-net.log_var[1]) * l2 + 0.5 * net.log_var.sum()
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    if it % 60 == 0:
        print(f"it {it:3d} total {loss.item():7.3f} class {l1.item():.4f} place {l2.item():.5f}")
with torch.no_grad():
    x, k, c = blobs(600)
    a, b = net(x)
    print("accuracy %.4f, rms place error %.4f" % ((a.argmax(1) == k).float().mean(), (b - c).square().mean().sqrt()))
