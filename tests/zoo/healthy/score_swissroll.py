"""Denoising score matching on a spiral."""

import os
import math
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


def spiral(n):
    t = 1.5 * math.pi * (1 + 1.4 * torch.rand(n))
    return torch.stack([t * t.cos(), t * t.sin()], 1) / 6 + 0.03 * torch.randn(n, 2)


class ScoreNet(nn.Module):
    def __init__(self, h=64):
        super().__init__()
        self.l1, self.l2, self.l3 = nn.Linear(3, h), nn.Linear(h, h), nn.Linear(h, 2)

    def forward(self, x, sigma):
        h = torch.cat([x, sigma.log()], 1)
        h = nn.functional.silu(self.l1(h))
        h = h + nn.functional.silu(self.l2(h))
        return self.l3(h)


net = ScoreNet()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
ema = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99))
history = []
for step in range(1000):
    x = spiral(128)
    sigma = torch.exp(torch.empty(128, 1).uniform_(math.log(0.05), math.log(1.0)))
    noise = torch.randn_like(x)
    # the net predicts minus the noise, i.e. sigma times the score
    loss = (net(x + sigma * noise, sigma) + noise).pow(2).sum(1).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    ema.update_parameters(net)
    history.append(loss.item())
    if step == 700:
        opt.param_groups[0]["lr"] = 5e-4
print("first 50: %.3f  last 200: %.3f" % (sum(history[:50]) / 50, sum(history[-200:]) / 200))

with torch.no_grad():
    x = torch.randn(400, 2)
    for s in torch.linspace(0, 1, 40):
        sig = torch.full((400, 1), math.exp((1 - s) * math.log(1.0) + s * math.log(0.05)))
        for _ in range(3):
            eps = 0.1 * sig**2
            x = x + eps * ema(x, sig) / sig + (2 * eps).sqrt() * torch.randn_like(x)
    print("mean distance of samples to the spiral %.3f" % torch.cdist(x, spiral(3000)).min(1).values.mean())
