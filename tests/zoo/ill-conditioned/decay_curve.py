"""Fit N(t) = a exp(-b t) + c to counts of a decaying source by gradient descent."""

import os
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
t = torch.linspace(0, 60, 120)
obs = 6.0 * torch.exp(-0.08 * t) + 1.5 + 0.05 * torch.randn(120)


class Decay(nn.Module):
    def __init__(self, time_unit=20.0):
        super().__init__()
        self.u = time_unit
        self.a = nn.Parameter(torch.tensor(4.0))
        self.b = nn.Parameter(torch.tensor(0.05 * self.u))
        self.c = nn.Parameter(torch.tensor(0.0))

    def forward(self, t):
        return self.a * torch.exp(-self.b * t / self.u) + self.c


model = Decay()
opt = torch.optim.SGD(model.parameters(), lr=0.1)
for i in range(1500):
    opt.zero_grad()
    loss = (model(t) - obs).pow(2).mean()
    loss.backward()
    opt.step()
    if i % 300 == 0:
        print(
            "%5d loss %.5f a %.3f b %.4f c %.3f"
            % (i, loss.item(), model.a.item(), model.b.item() / model.u, model.c.item())
        )
print("final loss %.5f" % loss.item())
