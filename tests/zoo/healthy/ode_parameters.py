import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))


class LotkaVolterra(nn.Module):
    """Rates of growth and predation, learned through the integrator; kept positive by the exponential."""

    def __init__(self, start):
        super().__init__()
        self.log_rates = nn.Parameter(torch.tensor(start).log())

    def slope(self, s):
        a, b, c, d = self.log_rates.exp()
        prey, hunters = s[:, 0], s[:, 1]
        return torch.stack([a * prey - b * prey * hunters, c * prey * hunters - d * hunters], 1)

    def forward(self, s, steps=20, dt=0.05):
        path = []
        for _ in range(steps):
            k1 = self.slope(s)
            k2 = self.slope(s + dt / 2 * k1)
            s = s + dt * k2
            path.append(s)
        return torch.stack(path, 1)


truth = LotkaVolterra([1.1, 0.6, 0.5, 0.9])
with torch.no_grad():
    starts = 0.5 + 2 * torch.rand(300, 2)
    paths = truth(starts)
    paths = paths + 0.02 * torch.randn_like(paths)
model = LotkaVolterra([0.7, 0.9, 0.8, 0.6])
opt = torch.optim.Adam(model.parameters(), lr=0.02)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 400)
for step in range(1, 401):
    idx = torch.randint(0, 240, (32,))
    loss = (model(starts[idx]) - paths[idx]).square().mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    if step % 40 == 0:
        with torch.no_grad():
            val = (model(starts[240:]) - paths[240:]).square().mean()
            gap = (model.log_rates - truth.log_rates).exp().sub(1).abs().max()
        print(f"step {step} loss {loss.item():.6f} val {val:.6f} rates off by {gap:.5f}")
