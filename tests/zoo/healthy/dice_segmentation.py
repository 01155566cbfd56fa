import os
import torch, torch.nn as nn, torch.nn.functional as F

torch.manual_seed(int(os.environ.get("SEED", 0)))


def make(n):
    g = torch.arange(24.0)
    cx, cy, r = 6 + 12 * torch.rand(n, 1, 1), 6 + 12 * torch.rand(n, 1, 1), 2 + 3 * torch.rand(n, 1, 1)
    m = ((g[None, :, None] - cx) ** 2 + (g[None, None] - cy) ** 2 < r**2).float()
    return (m + 0.4 * torch.randn(n, 24, 24))[:, None], m[:, None]


X, M = make(600)
V, W = make(100)
net = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.Conv2d(16, 16, 3, padding=2, dilation=2),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.Conv2d(16, 1, 1),
)


def dice(logit, m):
    p = logit.sigmoid()
    inter = (p * m).sum((1, 2, 3))
    return 1 - ((2 * inter + 1) / (p.sum((1, 2, 3)) + m.sum((1, 2, 3)) + 1)).mean()


opt = torch.optim.Adam(net.parameters(), 2e-3)
for ep in range(10):
    net.train()
    for i in torch.randperm(600).split(20):
        out = net(X[i])
        loss = dice(out, M[i]) + F.binary_cross_entropy_with_logits(out, M[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
    net.eval()
    with torch.no_grad():
        print(ep, loss.item(), 1 - dice(net(V), W).item())
