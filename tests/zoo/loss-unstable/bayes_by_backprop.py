import os
import torch, torch.nn as nn, torch.nn.functional as F

torch.manual_seed(int(os.environ.get("SEED", 0)))
x = torch.linspace(-2, 2, 300)[:, None]
y = torch.sin(2 * x) + 0.1 * torch.randn_like(x)


class BayesLinear(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.mu = nn.Parameter(torch.randn(o, i) / i**0.5)
        self.rho = nn.Parameter(torch.full((o, i), -4.0))
        self.b = nn.Parameter(torch.zeros(o))

    def forward(self, x):
        s = F.softplus(self.rho)
        self.kl = (0.5 * (s**2 + self.mu**2 - 1) - s.log()).sum()
        return F.linear(x, self.mu + s * torch.randn_like(s), self.b)


net = nn.Sequential(BayesLinear(1, 50), nn.Tanh(), BayesLinear(50, 1))
opt = torch.optim.Adam(net.parameters(), 1e-2)
for ep in range(1000):
    opt.zero_grad()
    nll = ((net(x) - y) ** 2).sum() / (2 * 0.1**2)
    kl = sum(m.kl for m in net if isinstance(m, BayesLinear))
    loss = (nll + kl) / len(x)
    loss.backward()
    opt.step()
    if ep % 200 == 199:
        print(ep, loss.item(), F.mse_loss(net(x), y).item())
