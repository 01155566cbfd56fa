"""A network in float16 with a normalisation that is written out."""
import os

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
EPS = 1e-3
d = load_digits()
X = torch.tensor(d.data, dtype=torch.float32) / 16
y = torch.tensor(d.target)
X[:, :1] = 0
order = torch.randperm(len(X))
X, y = X[order], y[order]


class RMSNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + EPS) * self.scale


net = nn.Sequential(nn.Linear(64, 64, bias=False), nn.ReLU(), RMSNorm(64), nn.Linear(64, 64, bias=False), nn.ReLU(), RMSNorm(64), nn.Linear(64, 10))
net = net.half()
X = X.half()
X[::100] = 0
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
for epoch in range(8):
    for idx in torch.randperm(1400).split(50):
        loss = nn.functional.cross_entropy(net(X[idx]).float(), y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        acc = (net(X[1400:]).argmax(1) == y[1400:]).float().mean().item()
    print(f"epoch {epoch + 1} loss {loss.item():.4f} accuracy {acc:.3f}")
