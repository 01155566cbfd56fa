import os
import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))


class Hyper(nn.Module):
    def __init__(self):
        super().__init__()
        self.h = nn.Sequential(nn.Linear(1, 64), nn.ReLU(), nn.Linear(64, 16 + 16 + 16 + 1))
        nn.init.normal_(self.h[2].weight, std=0.1)

    def forward(self, c, x):
        p = self.h(c)
        w1, b1, w2, b2 = p[:, :16], p[:, 16:32], p[:, 32:48], p[:, 48:]
        z = torch.tanh(x[:, :, None] * w1[:, None] + b1[:, None])
        return (z * w2[:, None]).sum(-1) + b2


m = Hyper()
opt = torch.optim.Adam(m.parameters(), 3e-3)
for step in range(1500):
    c = torch.rand(32, 1) * 2 + 0.5
    x = torch.rand(32, 20) * 4 - 2
    loss = nn.functional.smooth_l1_loss(m(c, x), torch.sin(c * x))
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 300 == 299:
        print(step, loss.item())
