"""An image stored in the weights of a sine network (implicit representation)."""

import math
import os

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

n = 32
yy, xx = torch.meshgrid(torch.linspace(-1, 1, n), torch.linspace(-1, 1, n), indexing="ij")
image = (
    0.5 * torch.sin(6 * xx) * torch.cos(4 * yy)
    + 0.5 * torch.exp(-8 * ((xx - 0.3) ** 2 + (yy + 0.2) ** 2))
    + 0.3 * (xx * yy > 0.1)
)
coords = torch.stack([xx, yy], -1).view(-1, 2)
pixels = image.view(-1, 1)


class Sine(nn.Module):
    def __init__(self, i, o, omega=30.0, first=False):
        super().__init__()
        self.omega, self.linear = omega, nn.Linear(i, o)
        bound = 1 / i if first else math.sqrt(6 / i) / omega
        nn.init.uniform_(self.linear.weight, -bound, bound)

    def forward(self, x):
        return torch.sin(self.omega * self.linear(x))


siren = nn.Sequential(Sine(2, 48, 20.0, True), Sine(48, 48), nn.Linear(48, 1))
nn.init.uniform_(siren[-1].weight, -math.sqrt(6 / 48) / 30, math.sqrt(6 / 48) / 30)
opt = torch.optim.Adam(siren.parameters(), lr=2e-3)
sched = torch.optim.lr_scheduler.ExponentialLR(opt, 0.995)
for it in range(700):
    opt.zero_grad()
    mse = ((siren(coords) - pixels) ** 2).mean()
    mse.backward()
    opt.step()
    sched.step()
    if it % 140 == 0 or it == 699:
        print(f"{it:4d}  mse {mse.item():.2e}  psnr {-10 * math.log10(mse.item()):.1f} dB")
