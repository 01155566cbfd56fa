"""VICReg: two views agree, each entry varies, and no two entries say the same."""
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
mix = torch.randn(5, 30)


def batch(n):
    return torch.tanh(torch.randn(n, 5) @ mix)


def off_diagonal(c):
    return c - torch.diag(torch.diag(c))


net = nn.Sequential(nn.Linear(30, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 16))
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
for step in range(500):
    x = batch(256)
    a, b = net(x + 0.2 * torch.randn_like(x)), net(x + 0.2 * torch.randn_like(x))
    invariance = F.mse_loss(a, b)
    variance = sum(F.relu(1 - (z.var(0) + 1e-4).sqrt()).mean() for z in (a, b))
    covariance = sum((off_diagonal(torch.cov(z.T)) ** 2).sum() / 16 for z in (a, b))
    loss = 25 * invariance + 25 * variance + covariance
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 100 == 99:
        print(f"{step + 1} invariance {invariance.item():.4f} variance {variance.item():.4f}")
