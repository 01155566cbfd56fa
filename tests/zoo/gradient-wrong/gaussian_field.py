"""Coordinate MLP with Gaussian activations (own autograd function) fitted to an image."""
import torch
from torch import nn

torch.manual_seed(6)


class Gauss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, sigma):
        y = torch.exp(-0.5 * (x / sigma) ** 2)
        ctx.save_for_backward(x, y)
        ctx.sigma = sigma
        return y

    @staticmethod
    def backward(ctx, grad):
        x, y = ctx.saved_tensors
        return -grad * y * x / ctx.sigma ** 2, None


class GaussLayer(nn.Module):
    def __init__(self, i, o, sigma):
        super().__init__()
        self.lin, self.sigma = nn.Linear(i, o), sigma
        nn.init.uniform_(self.lin.weight, -(3 / i) ** 0.5, (3 / i) ** 0.5)

    def forward(self, x):
        return Gauss.apply(self.lin(x), self.sigma)


def image(n=56):
    v, u = torch.meshgrid(torch.linspace(-1, 1, n), torch.linspace(-1, 1, n), indexing="ij")
    disc = ((u - 0.2) ** 2 + (v + 0.1) ** 2 < 0.3).float()
    waves = 0.5 + 0.5 * torch.sin(9 * u + 4 * v * v)
    img = 0.6 * waves * (1 - disc) + disc * (0.5 + 0.4 * torch.cos(12 * v))
    return torch.stack([u, v], -1).view(-1, 2), img.reshape(-1, 1)


xy, target = image()
field = nn.Sequential(GaussLayer(2, 80, 0.25), GaussLayer(80, 80, 0.5), GaussLayer(80, 80, 0.5), nn.Linear(80, 1))
opt = torch.optim.Adam(field.parameters(), lr=2e-3)
sched = torch.optim.lr_scheduler.MultiStepLR(opt, [450, 600], 0.3)

for it in range(1, 701):
    pick = torch.randint(0, len(xy), (512,))
    loss = (field(xy[pick]) - target[pick]).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    if it % 100 == 0:
        with torch.no_grad():
            mse = (field(xy) - target).pow(2).mean()
        print(f"{it:5d}  mse {mse.item():.5f}  psnr {-10 * mse.log10().item():.2f} dB")
