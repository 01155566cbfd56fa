"""Direction of the next change of a price-like series from the last ten log changes."""

import os
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
n = 3000
eps = torch.randn(n)
r = torch.zeros(n)
for t in range(2, n):
    r[t] = 0.75 * r[t - 1] - 0.2 * r[t - 2] + eps[t]
volume = torch.poisson(torch.exp(1.8 + 0.5 * r))
feature = torch.log1p(volume)
feature = (feature - feature[torch.isfinite(feature)].mean()) / feature[torch.isfinite(feature)].std()
W = 8
X = torch.stack([r, feature], 1).unfold(0, W, 1)[:-1].flatten(1)
y = r[W:]
idx = torch.randperm(len(X))
tr, te = idx[:2300], idx[2300:]

model = nn.Sequential(nn.Linear(2 * W, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(15):
    for b in tr[torch.randperm(len(tr))].split(46):
        optimizer.zero_grad()
        loss = (model(X[b]).squeeze(1) - y[b]).pow(2).mean()
        loss.backward()
        optimizer.step()
    if epoch % 3 == 2:
        print("epoch", epoch + 1, "batch mse", loss.item())
with torch.no_grad():
    p = model(X[te]).squeeze(1)
    print("explained variance %.3f" % (1 - (p - y[te]).var() / y[te].var()).item())
