"""RealNVP on two moons: exact likelihood, so the loss is a negative log density and may go below zero."""
import torch
from torch import nn
from sklearn.datasets import make_moons

torch.manual_seed(0)


def moons(n, seed):
    x, _ = make_moons(n, noise=0.05, random_state=seed)
    return (torch.tensor(x, dtype=torch.float32) - torch.tensor([0.5, 0.25])) / 0.6


class Coupling(nn.Module):
    def __init__(self, flip, h=48):
        super().__init__()
        self.flip = flip
        self.net = nn.Sequential(nn.Linear(1, h), nn.LeakyReLU(0.1), nn.Linear(h, h), nn.LeakyReLU(0.1), nn.Linear(h, 2))
        nn.init.zeros_(self.net[-1].weight)
        nn.init.zeros_(self.net[-1].bias)

    def forward(self, x):
        a, b = x.chunk(2, 1)
        if self.flip:
            a, b = b, a
        s, t = self.net(a).chunk(2, 1)
        s = 2 * torch.tanh(s / 2)
        b = b * s.exp() + t
        return torch.cat([b, a] if self.flip else [a, b], 1), s.squeeze(1)


class Flow(nn.Module):
    def __init__(self, n=8):
        super().__init__()
        self.steps = nn.ModuleList(Coupling(i % 2 == 1) for i in range(n))

    def log_prob(self, x):
        ld = 0
        for f in self.steps:
            x, s = f(x)
            ld = ld + s
        return -0.5 * (x ** 2).sum(1) - 1.8379 + ld


train, test = moons(3000, 0), moons(1000, 1)
flow = Flow()
opt = torch.optim.Adam(flow.parameters(), lr=3e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 30, eta_min=1e-4)
base = torch.distributions.MultivariateNormal(train.mean(0), torch.cov(train.T))
print(f"one Gaussian: test nll {-base.log_prob(test).mean():.3f}")
for epoch in range(1, 31):
    for ix in torch.randperm(len(train)).split(150):
        loss = -flow.log_prob(train[ix]).mean()
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
        opt.step()
    sched.step()
    if epoch % 5 == 0:
        with torch.no_grad():
            print(f"epoch {epoch:2d}  batch nll {loss.item():+.3f}  test nll {-flow.log_prob(test).mean().item():+.3f}")
