"""The frequency of a noisy wave from 20 samples of it, by a GRU and a linear layer over all its states."""

import os

import torch
import torch.nn as nn

torch.set_num_threads(1)
gen = torch.Generator().manual_seed(int(os.environ.get("SEED", 0)))
torch.manual_seed(int(os.environ.get("SEED", 0)))
T = 20


def waves(n):
    freq = torch.rand(n, 1, generator=gen) * 2 - 1
    phase = torch.rand(n, 1, generator=gen) * 6.28
    t = torch.arange(T) * 0.3
    x = torch.sin((1.5 + freq) * t + phase) + 0.1 * torch.randn(n, T, generator=gen)
    return x, freq[:, 0]


class Freq(nn.Module):
    def __init__(self, hidden=12):
        super().__init__()
        self.rnn = nn.GRU(1, hidden)
        self.head = nn.Linear(T * hidden, 1)

    def forward(self, x):
        h, _ = self.rnn(x.t().unsqueeze(-1))
        h = h.transpose(0, 1).flatten(1)
        return self.head(h).squeeze(-1)


x, y = waves(3000)
xv, yv = waves(500)
net = Freq()
opt = torch.optim.Adam(net.parameters(), lr=8e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 8 * 60)
for epoch in range(8):
    s = 0.0
    for idx in torch.randperm(3000).split(50):
        loss = nn.functional.mse_loss(net(x[idx]), y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        s += loss.item() / 60
    with torch.no_grad():
        v = nn.functional.mse_loss(net(xv), yv)
    print(f"[{epoch}] mse={s:.4f} val={v:.4f} r2={1 - v / yv.var():.3f}")
