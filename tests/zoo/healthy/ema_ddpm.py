"""DDPM on two moons with an exponential moving average of the weights; the average is what samples."""
import copy
import torch
import torch.nn as nn
from sklearn.datasets import make_moons

torch.manual_seed(5)
N = 80
beta = torch.linspace(1e-3, 0.1, N)
abar = torch.cumprod(1 - beta, 0)
pts = torch.tensor(make_moons(5000, noise=0.04, random_state=0)[0]).float()
mu, sd = pts.mean(0), pts.std(0)
pts = (pts - mu) / sd


class Res(nn.Module):
    def __init__(self, h):
        super().__init__()
        self.f = nn.Sequential(nn.LayerNorm(h), nn.Linear(h, h), nn.SiLU(), nn.Linear(h, h))
        nn.init.zeros_(self.f[-1].weight)

    def forward(self, x, c):
        return x + self.f(x + c)


class Net(nn.Module):
    def __init__(self, h=96):
        super().__init__()
        self.inp, self.tim, self.out = nn.Linear(2, h), nn.Embedding(N, h), nn.Linear(h, 2)
        self.res = nn.ModuleList([Res(h), Res(h)])
        nn.init.zeros_(self.out.weight)

    def forward(self, x, t):
        h, c = self.inp(x), self.tim(t)
        for r in self.res:
            h = r(h, c)
        return self.out(h)


net = Net()
ema = copy.deepcopy(net).requires_grad_(False)
opt = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-4)
warm = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: min(1, (s + 1) / 50) * (1 - s / 1250) )
for it in range(1, 1201):
    x0 = pts[torch.randint(0, len(pts), (256,))]
    t = torch.randint(0, N, (256,))
    e = torch.randn_like(x0)
    ab = abar[t, None]
    loss = (net(ab.sqrt() * x0 + (1 - ab).sqrt() * e, t) - e).pow(2).sum(1).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    warm.step()
    with torch.no_grad():
        d = min(0.995, it / (it + 10))
        for q, p in zip(ema.parameters(), net.parameters()):
            q.lerp_(p, 1 - d)
    if it % 200 == 0:
        print(f"{it:5d}  loss {loss.item():.4f}")


@torch.no_grad()
def sample(n):
    x = torch.randn(n, 2)
    for i in range(N - 1, -1, -1):
        e = ema(x, torch.full((n,), i))
        x = (x - beta[i] / (1 - abar[i]).sqrt() * e) / (1 - beta[i]).sqrt() + (beta[i].sqrt() * torch.randn_like(x) if i else 0)
    return x


def energy(a, b):
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


s = sample(1000)
print(f"energy distance to the data: samples {energy(s, pts[:1000]):.4f}, a Gaussian {energy(torch.randn(1000, 2), pts[:1000]):.4f}, "
      f"other data {energy(pts[1000:2000], pts[:1000]):.4f}")
