import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))


class Reservoir(nn.Module):
    """Fixed random recurrence; only the readout learns."""

    def __init__(self, size=120, radius=0.9):
        super().__init__()
        w = torch.randn(size, size) / size**0.5
        self.register_buffer("w", w * radius / torch.linalg.eigvals(w).abs().max())
        self.register_buffer("inp", torch.rand(size) * 2 - 1)
        self.readout = nn.Linear(size, 1)

    @torch.no_grad()
    def states(self, u):
        s = torch.zeros(len(self.inp))
        out = []
        for value in u:
            s = torch.tanh(self.w @ s + self.inp * value)
            out.append(s)
        return torch.stack(out)

    def forward(self, states):
        return self.readout(states).squeeze(-1)


def narma(n):
    u = torch.rand(n) * 0.5
    y = torch.zeros(n)
    for t in range(3, n):
        y[t] = 0.3 * y[t - 1] + 0.05 * y[t - 1] * y[t - 3 : t].sum() + 1.5 * u[t - 3] * u[t - 1] + 0.1
    return u, y


u, y = narma(4000)
u = (u - 0.25) / 0.144
net = Reservoir()
h = net.states(u)[100:]
y = y[100:]
y = (y - y[:3000].mean()) / y[:3000].std()
h = (h - h[:3000].mean(0)) / h[:3000].std(0)
basis = torch.linalg.eigh(h[:3000].T.cov())
h = h @ basis.eigenvectors[:, -60:] / basis.eigenvalues[-60:].sqrt()
net.readout = nn.Linear(60, 1)
opt = torch.optim.Adam(net.readout.parameters(), lr=0.01)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 1200)
for step in range(1, 1201):
    idx = torch.randint(0, 3000, (100,))
    loss = (net(h[idx]) - y[idx]).square().mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    if step % 120 == 0:
        with torch.no_grad():
            val = (net(h[3000:]) - y[3000:]).square().mean()
        print(f"step {step} loss {loss.item():.4f} val {val:.4f}")
