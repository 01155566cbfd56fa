"""SIREN with its own autograd function, fitted to an image and checked against finite differences."""
import math
import torch
from torch import nn

torch.manual_seed(0)


class Sine(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w0):
        ctx.save_for_backward(x)
        ctx.w0 = w0
        return torch.sin(w0 * x)

    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return ctx.w0 * torch.cos(ctx.w0 * x) * g, None


assert torch.autograd.gradcheck(lambda x: Sine.apply(x, 3.0), torch.randn(5, dtype=torch.double, requires_grad=True))


class Siren(nn.Module):
    def __init__(self, i, o, w0=20.0, first=False):
        super().__init__()
        self.lin, self.w0 = nn.Linear(i, o), w0
        lim = 1 / i if first else math.sqrt(6 / i) / w0
        nn.init.uniform_(self.lin.weight, -lim, lim)

    def forward(self, x):
        return Sine.apply(self.lin(x), self.w0)


n = 48
t = torch.linspace(-1, 1, n)
xy = torch.cartesian_prod(t, t)
img = (0.5 + 0.3 * torch.sin(10 * xy[:, 0] * xy[:, 1] + 3 * xy[:, 0]) + 0.2 * ((xy ** 2).sum(1) < 0.4)).unsqueeze(1)
net = nn.Sequential(Siren(2, 64, first=True), Siren(64, 64), Siren(64, 64), nn.Linear(64, 1))
with torch.no_grad():
    net[-1].weight.uniform_(-math.sqrt(6 / 64) / 20, math.sqrt(6 / 64) / 20)
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 700)
for it in range(1, 701):
    ix = torch.randint(0, n * n, (600,))
    loss = (net(xy[ix]) - img[ix]).square().mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    if it % 100 == 0:
        with torch.no_grad():
            mse = (net(xy) - img).square().mean()
        print(f"{it:4d}  mse {mse:.6f}  psnr {-10 * mse.log10():.1f} dB")
