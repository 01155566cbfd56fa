"""Metric learning with semi-hard mining inside the batch."""

import os
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
X, y = load_digits(return_X_y=True)
X = (torch.tensor(X).float() - 4.88) / 6.02
y = torch.tensor(y)
perm = torch.randperm(len(X))
X, y = X[perm], y[perm]
Xtr, ytr, Xte, yte = X[:1300], y[:1300], X[1300:], y[1300:]


class Embedder(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 12))

    def forward(self, x):
        return F.normalize(self.f(x), dim=1)


def batch_hard(e, lab, margin=0.3):
    d = torch.cdist(e, e)
    same = lab[:, None] == lab[None]
    pos = (d * same).max(1).values
    neg = d.masked_fill(same, 10.0).min(1).values
    return F.relu(pos - neg + margin).mean()


net = Embedder()
optim = torch.optim.Adam(net.parameters(), lr=2e-3, weight_decay=1e-4)
byclass = [torch.nonzero(ytr == c).flatten() for c in range(10)]
for step in range(400):
    net.train()
    idx = torch.cat([c[torch.randint(len(c), (6,))] for c in byclass])
    loss = batch_hard(net(Xtr[idx]), ytr[idx])
    optim.zero_grad()
    loss.backward()
    optim.step()
    if step == 300:
        optim.param_groups[0]["lr"] = 4e-4
    if step % 80 == 0:
        print("step", step, "triplet loss", round(loss.item(), 4))
net.eval()
with torch.no_grad():
    a, b = net(Xte), net(Xtr)
    nearest = torch.cdist(a, b).argmin(1)
print("1-nn accuracy", (ytr[nearest] == yte).float().mean().item())
