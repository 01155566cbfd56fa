import os
import torch, torch.nn as nn, torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(int(os.environ.get("SEED", 0)))


class Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx, v):
        ctx.save_for_backward(v)
        return (v > 0).float()

    @staticmethod
    def backward(ctx, g):
        (v,) = ctx.saved_tensors
        return g / (1 + 5 * v.abs()) ** 2


class SNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(64, 128), nn.Linear(128, 10)

    def forward(self, x, T=8):
        v = torch.zeros(len(x), 128)
        out = 0
        cur = self.a(x)
        for _ in range(T):
            v = 0.8 * v + cur
            s = Spike.apply(v - 1)
            v = v * (1 - s)
            out = out + self.b(s)
        return out / T


d = load_digits()
x = torch.tensor(d.data / 16).float()
y = torch.tensor(d.target)
p = torch.randperm(len(x))
tr, te = p[:1400], p[1400:]
net = SNN()
opt = torch.optim.Adam(net.parameters(), 2e-3)
for ep in range(12):
    for i in tr[torch.randperm(len(tr))].split(32):
        loss = F.cross_entropy(net(x[i]), y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        print(ep, loss.item(), (net(x[te]).argmax(1) == y[te]).float().mean().item())
