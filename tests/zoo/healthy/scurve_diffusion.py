"""DDPM with cosine schedule, Fourier time features and EMA weights; data is an S-shaped curve."""
import copy
import math
import torch
from sklearn.datasets import make_s_curve
from torch import nn

torch.manual_seed(4)
pts, _ = make_s_curve(6000, noise=0.03, random_state=4)
pts = torch.tensor(pts[:, [0, 2]], dtype=torch.float32)
pts = (pts - pts.mean(0)) / pts.std(0)

T = 60
s = torch.arange(T + 1) / T
f = torch.cos((s + 0.01) / 1.01 * math.pi / 2) ** 2
abar = f / f[0]
beta = (1 - abar[1:] / abar[:-1]).clamp(max=0.5)
alpha = 1 - beta
abar = alpha.cumprod(0)
freqs = 2.0 ** torch.arange(4) * math.pi


class Net(nn.Module):
    def __init__(self, h=96):
        super().__init__()
        self.x_in, self.t_in = nn.Linear(2, h), nn.Linear(8, h)
        self.layers = nn.ModuleList(nn.Linear(h, h) for _ in range(3))
        self.out = nn.Linear(h, 2)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x, t):
        ang = (t[:, None] / T) * freqs
        h = self.x_in(x) + self.t_in(torch.cat([ang.sin(), ang.cos()], 1))
        for l in self.layers:
            h = h + nn.functional.silu(l(h))
        return self.out(h)


net = Net()
ema = copy.deepcopy(net).requires_grad_(False)
opt = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-4)
ITERS = 2000
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, ITERS)
run = 0.0
for it in range(1, ITERS + 1):
    x = pts[torch.randint(len(pts), (256,))]
    t = torch.randint(0, T, (256,))
    e = torch.randn_like(x)
    a = abar[t, None]
    loss = nn.functional.mse_loss(net(a.sqrt() * x + (1 - a).sqrt() * e, t), e)
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    with torch.no_grad():
        for pe, p in zip(ema.parameters(), net.parameters()):
            pe.lerp_(p, 0.01)
    run += loss.item()
    if it % 500 == 0:
        print(f"it {it} eps mse {run / 500:.4f}")
        run = 0.0

with torch.no_grad():
    x = torch.randn(800, 2)
    for i in reversed(range(T)):
        eps = ema(x, torch.full((800,), i))
        x = (x - beta[i] / (1 - abar[i]).sqrt() * eps) / alpha[i].sqrt()
        if i:
            x = x + beta[i].sqrt() * torch.randn_like(x)
real, other = pts[:800], pts[800:1600]
energy = lambda a, b: (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()
print(f"energy distance: samples/data {energy(x, real):.4f}  data/data {energy(other, real):.4f} "
      f"gaussian/data {energy(torch.randn(800, 2), real):.4f}")
