"""DDPM on a two-armed spiral, epsilon parametrisation, ancestral sampling at the end."""
import math
import torch
import torch.nn as nn

torch.manual_seed(11)
STEPS = 100


def spiral(n):
    r = torch.rand(n).sqrt() * 3 * math.pi
    arm = torch.randint(0, 2, (n,)) * math.pi
    xy = torch.stack([r * torch.cos(r + arm), r * torch.sin(r + arm)], 1) / 5.0
    return xy + 0.02 * torch.randn(n, 2)


class Schedule:
    def __init__(self, n):
        self.beta = torch.linspace(1e-3, 0.08, n)
        self.alpha = 1 - self.beta
        self.abar = self.alpha.cumprod(0)

    def diffuse(self, x0, t, e):
        ab = self.abar[t].unsqueeze(1)
        return ab.sqrt() * x0 + (1 - ab).sqrt() * e


class EpsNet(nn.Module):
    def __init__(self, h=128):
        super().__init__()
        self.freqs = nn.Parameter(2.0 ** torch.arange(5).float(), requires_grad=False)
        self.net = nn.Sequential(nn.Linear(2 + 10, h), nn.SiLU(), nn.Linear(h, h), nn.SiLU(),
                                 nn.Linear(h, h), nn.SiLU(), nn.Linear(h, 2))

    def forward(self, x, t):
        a = (t.float() / STEPS)[:, None] * self.freqs
        return self.net(torch.cat([x, a.sin(), a.cos()], 1))


sch, net = Schedule(STEPS), EpsNet()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
lr = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 1500)
data = spiral(4000)

running = None
for it in range(1500):
    x0 = data[torch.randint(0, len(data), (256,))]
    t = torch.randint(0, STEPS, (256,))
    eps = torch.randn_like(x0)
    xt = sch.diffuse(x0, t, eps)
    loss = (net(xt, t) - eps).square().mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    lr.step()
    running = loss.item() if running is None else 0.98 * running + 0.02 * loss.item()
    if (it + 1) % 250 == 0:
        print(f"it {it + 1}: eps-mse {running:.4f}")


@torch.no_grad()
def sample(n):
    x = torch.randn(n, 2)
    for i in reversed(range(STEPS)):
        t = torch.full((n,), i)
        b, a, ab = sch.beta[i], sch.alpha[i], sch.abar[i]
        x = (x - b / (1 - ab).sqrt() * net(x, t)) / a.sqrt()
        if i:
            x = x + b.sqrt() * torch.randn_like(x)
    return x


s, ref = sample(1000), spiral(1000)
d = torch.cdist(s, data).min(1).values.median()
print("median distance of a sample to the data:", round(d.item(), 4), " (data to itself:",
      round(torch.cdist(ref, data).min(1).values.median().item(), 4), ")")
