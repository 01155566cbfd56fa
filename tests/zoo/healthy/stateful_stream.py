"""Truncated backpropagation through time along four parallel streams, in their natural order."""

import os
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

streams, length, chunk = 16, 1500, 25
phase = torch.rand(streams, 1) * 6.28
drift = torch.cumsum(torch.randn(streams, length) * 0.08 + 0.21, 1)
wave = torch.sin(phase + drift)
obs = wave + 0.1 * torch.randn(streams, length)


class Tracker(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.cell = nn.GRU(1, hidden, batch_first=True)
        self.readout = nn.Linear(hidden, 1)

    def forward(self, x, state=None):
        h, state = self.cell(x.unsqueeze(-1), state)
        return self.readout(h).squeeze(-1), state


net = Tracker()
opt = torch.optim.Adam(net.parameters(), lr=1e-2)
sched = torch.optim.lr_scheduler.ExponentialLR(opt, 0.75)
split = 12
for epoch in range(8):
    state, total, k = None, 0.0, 0
    for a in range(0, length - chunk - 1, chunk):
        x, y = obs[:split, a : a + chunk], wave[:split, a + 1 : a + chunk + 1]
        pred, state = net(x, state)
        state = state.detach()
        loss = (pred - y).square().mean()
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        total, k = total + loss.item(), k + 1
    sched.step()
    with torch.no_grad():
        pred, _ = net(obs[split:, :-1])
        val = (pred - wave[split:, 1:]).square().mean()
        naive = (obs[split:, :-1] - wave[split:, 1:]).square().mean()
    print(f"pass {epoch + 1}: train {total / k:.4f} other streams {val:.4f} (last value: {naive:.4f})")
