import os

import torch
import torch.nn as nn

torch.manual_seed(int(os.environ.get("SEED", 0)))


def regimes(n):
    x = torch.randn(n, 4)
    a = torch.sin(2 * x[:, 0]) + x[:, 1]
    b = x[:, 2] * x[:, 3]
    c = -x[:, 0] + 0.5 * x[:, 1] ** 2
    which = (x[:, 0] + x[:, 2] > 0).long() + (x[:, 1] > 0.5).long()
    y = torch.where(which == 0, a, torch.where(which == 1, b, c))
    return x, (y + 0.1 * torch.randn(n))[:, None]


class Expert(nn.Module):
    def __init__(self, d, hidden=24):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(d, hidden), nn.SiLU(), nn.Linear(hidden, 1))

    def forward(self, x):
        return self.net(x)


class MixtureOfExperts(nn.Module):
    def __init__(self, d, k):
        super().__init__()
        self.gate = nn.Sequential(nn.Linear(d, 16), nn.ReLU(), nn.Linear(16, k))
        self.experts = nn.ModuleList(Expert(d) for _ in range(k))

    def forward(self, x):
        weight = torch.softmax(self.gate(x), dim=-1)
        answers = torch.cat([e(x) for e in self.experts], dim=-1)
        return (weight * answers).sum(-1, keepdim=True)


x, y = regimes(6000)
xv, yv = regimes(1500)
moe = MixtureOfExperts(4, 4)
optimizer = torch.optim.AdamW(moe.parameters(), lr=5e-3, weight_decay=1e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20)
criterion = nn.MSELoss()
for epoch in range(20):
    total = 0.0
    for idx in torch.randperm(6000).split(100):
        optimizer.zero_grad()
        loss = criterion(moe(x[idx]), y[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() / 60
    scheduler.step()
    if epoch % 2:
        with torch.no_grad():
            v = criterion(moe(xv), yv).item()
        print(f"epoch {epoch + 1} train {total:.4f} val {v:.4f} R2 {1 - v / yv.var().item():.4f}")
