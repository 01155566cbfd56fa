import os

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))


class Embedder(nn.Module):
    def __init__(self, dim=8):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, dim))

    def forward(self, x):
        return self.net(x)


class ContrastiveLoss(nn.Module):
    """All pairs of the batch: pull together those of one class, push the others beyond the margin."""

    def __init__(self, margin=2.0):
        super().__init__()
        self.margin = margin

    def forward(self, z, y):
        gap = z[:, None] - z[None]
        dist = (gap**2).sum(-1).clamp(min=1e-8).sqrt()
        same = y[:, None] == y[None]
        pull = (dist[same] ** 2).mean()
        push = (self.margin - dist[~same]).clamp(min=0).square().mean()
        return pull + push


def nearest(z, y, zq, yq):
    return (y[torch.cdist(zq, z).argmin(1)] == yq).float().mean().item()


data = load_digits()
perm = torch.randperm(1797)
x = torch.tensor(data.data, dtype=torch.float32)[perm]
y = torch.tensor(data.target)[perm]
x = (x - x[:1400].mean()) / x[:1400].std()
model, criterion = Embedder(), ContrastiveLoss()
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 30)
for epoch in range(30):
    model.train()
    total = 0.0
    for idx in torch.randperm(1400).split(70):
        loss = criterion(model(x[idx]), y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / 20
    sched.step()
    model.eval()
    with torch.no_grad():
        z = model(x)
        val = criterion(z[1400:], y[1400:]).item()
    print(
        f"epoch {epoch + 1} loss {total:.4f} val {val:.4f} recall@1 {nearest(z[:1400], y[:1400], z[1400:], y[1400:]):.4f}"
    )
