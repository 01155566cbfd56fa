"""Rare events on a signal; only the hardest quiet windows enter the loss (online hard negative mining)."""

import os
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


def windows(n, rare=0.1, L=40):
    x = torch.randn(n, 1, L)
    y = (torch.rand(n) < rare).float()
    pulse = 3.2 * torch.hann_window(14, periodic=False) * torch.cos(torch.arange(14) * 1.1)
    for i in torch.nonzero(y).flatten().tolist():
        a = torch.randint(0, L - 14, (1,)).item()
        x[i, 0, a : a + 14] += pulse
    return x, y


net = nn.Sequential(nn.Conv1d(1, 8, 15, padding=7), nn.ReLU(), nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Linear(8, 1))
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 500)
X, Y = windows(6000)
XV, YV = windows(3000)
for step in range(500):
    b = torch.randint(len(X), (128,))
    each = nn.functional.binary_cross_entropy_with_logits(net(X[b])[:, 0], Y[b], reduction="none")
    pos, neg = each[Y[b] == 1], each[Y[b] == 0]
    k = max(8, 3 * len(pos))
    loss = torch.cat([pos, neg.topk(k).values]).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    if step % 100 == 99:
        with torch.no_grad():
            z = net(XV)[:, 0] > 0
        tp = (z & (YV == 1)).sum().item()
        print(
            step + 1,
            "mined loss %.3f" % loss.item(),
            "recall %.3f precision %.3f" % (tp / YV.sum().item(), tp / max(1, z.sum().item())),
        )
