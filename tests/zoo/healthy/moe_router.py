import os
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(int(os.environ.get("SEED", 0)))
X = torch.rand(6000, 2) * 4 - 2
Y = torch.where(X[:, :1] > 0, torch.sin(3 * X[:, 1:]), X[:, 1:] ** 2 - 1) + 0.05 * torch.randn(6000, 1)


class MoE(nn.Module):
    def __init__(self, k=4):
        super().__init__()
        self.gate = nn.Linear(2, k)
        self.experts = nn.ModuleList(nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 1)) for _ in range(k))

    def forward(self, x):
        p = self.gate(x).softmax(-1)
        top = p.topk(2, -1)
        w = torch.zeros_like(p).scatter(1, top.indices, top.values)
        w = w / w.sum(1, keepdim=True)
        out = torch.stack([e(x) for e in self.experts], 1).squeeze(-1)
        return (w * out).sum(1, keepdim=True), 4 * (p.mean(0) * (w > 0).float().mean(0)).sum()


m = MoE()
opt = torch.optim.AdamW(m.parameters(), 3e-3, weight_decay=1e-4)
for ep in range(25):
    for i in torch.randperm(5000).split(100):
        y, aux = m(X[i])
        loss = F.mse_loss(y, Y[i]) + 0.01 * aux
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        print(ep, loss.item(), F.mse_loss(m(X[5000:])[0], Y[5000:]).item())
