import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))


class Momentum(torch.optim.Optimizer):
    def __init__(self, params, lr, beta):
        super().__init__(params, dict(lr=lr, beta=beta))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                v = self.state[p].setdefault("v", torch.zeros_like(p))
                v.mul_(group["beta"]).add_(p.grad)
                p.sub_(group["lr"] * v)


class Factors(nn.Module):
    def __init__(self, users, items, k=4):
        super().__init__()
        self.u = nn.Parameter(0.5 * torch.randn(users, k))
        self.v = nn.Parameter(0.5 * torch.randn(items, k))
        self.bu = nn.Parameter(torch.zeros(users))
        self.bv = nn.Parameter(torch.zeros(items))

    def forward(self, i, j):
        return (self.u[i] * self.v[j]).sum(1) + self.bu[i] + self.bv[j]


users, items, n = 200, 150, 16000
tu, tv = torch.randn(users, 3), torch.randn(items, 3)
i, j = torch.randint(0, users, (n,)), torch.randint(0, items, (n,))
r = (tu[i] * tv[j]).sum(1) + torch.randn(users)[i] + 0.5 * torch.randn(n)
r = (r - r[:14000].mean()) / r[:14000].std()
model = Factors(users, items)
opt = Momentum(model.parameters(), lr=1.0, beta=0.9)
for epoch in range(1, 21):
    total = 0.0
    for idx in torch.randperm(14000).split(500):
        fit = (model(i[idx], j[idx]) - r[idx]).square().mean()
        loss = fit + 0.005 * (model.u[i[idx]].square().sum(1) + model.v[j[idx]].square().sum(1)).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += fit.item() / 28
    if epoch % 2 == 0:
        with torch.no_grad():
            val = (model(i[14000:], j[14000:]) - r[14000:]).square().mean()
        print(f"epoch {epoch} train {total:.4f} val {val:.4f}")
