import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))


class Standardise(torch.autograd.Function):
    """Rows with zero mean and unit variance."""

    @staticmethod
    def forward(ctx, x):
        centred = x - x.mean(1, keepdim=True)
        inv = (centred.pow(2).mean(1, keepdim=True) + 1e-5).rsqrt()
        y = centred * inv
        ctx.save_for_backward(y, inv)
        return y

    @staticmethod
    def backward(ctx, g):
        y, inv = ctx.saved_tensors
        return inv * (g - g.mean(1, keepdim=True) - y * (g * y).mean(1, keepdim=True))


class Block(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.fc = nn.Linear(d, d)
        self.gain = nn.Parameter(torch.ones(d))
        self.shift = nn.Parameter(torch.zeros(d))

    def forward(self, x):
        h = Standardise.apply(self.fc(x)) * self.gain + self.shift
        return torch.relu(h)


digits = load_digits()
X = torch.tensor(digits.data, dtype=torch.float32)
X = (X - X[:1300].mean()) / X[:1300].std()
y = torch.tensor(digits.target)
net = nn.Sequential(Block(64), Block(64), Block(64), nn.Dropout(0.2), nn.Linear(64, 10))
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
perm = torch.randperm(len(X))
tr, te = perm[:1300], perm[1300:]
for epoch in range(15):
    net.train()
    for idx in tr[torch.randperm(1300)].split(50):
        loss = F.cross_entropy(net(X[idx]), y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    net.eval()
    with torch.no_grad():
        a, b = net(X[tr]), net(X[te])
    print(
        f"{epoch} train {F.cross_entropy(a, y[tr]):.4f} val {F.cross_entropy(b, y[te]):.4f} "
        f"acc {(b.argmax(1) == y[te]).float().mean():.4f}"
    )
