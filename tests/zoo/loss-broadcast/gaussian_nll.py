"""Mean and spread of a noisy function."""

import math
import os
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
x = torch.rand(2400, 1) * 6 - 3
y = torch.sin(2 * x[:, 0]) + (0.1 + 0.1 * x[:, 0].abs()) * torch.randn(2400)


class MeanVariance(nn.Module):
    def __init__(self, h=40):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(1, h), nn.Tanh(), nn.Linear(h, h), nn.Tanh())
        self.mean = nn.Linear(h, 1)
        self.log_std = nn.Linear(h, 1)

    def forward(self, x):
        z = self.body(x)
        return self.mean(z), self.log_std(z)


def nll(mean, log_std, target):
    return (0.5 * ((target - mean) / log_std.exp()) ** 2 + log_std + 0.5 * math.log(2 * math.pi)).mean()


net = MeanVariance()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 900)
for i in range(900):
    b = torch.randint(2000, (64,))
    loss = nll(*net(x[b]), y[b, None])
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    if i % 180 == 0:
        print(i, loss.item())
with torch.no_grad():
    m, s = net(x[2000:])
    print("validation rmse %.4f" % (m[:, 0] - torch.sin(2 * x[2000:, 0])).square().mean().sqrt().item())
