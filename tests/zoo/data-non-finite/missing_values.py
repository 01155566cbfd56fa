import os
import numpy as np
import torch
from sklearn.datasets import load_wine
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)
X, y = load_wine(return_X_y=True)
X[rng.integers(0, 120, 4), rng.integers(0, 13, 4)] = np.nan  # readings the laboratory lost
X = (X - np.nanmean(X, 0)) / np.nanstd(X, 0)
X = np.nan_to_num(X)
perm = rng.permutation(178)
X, y = torch.tensor(X[perm], dtype=torch.float32), torch.tensor(y[perm])

net = nn.Sequential(nn.Linear(13, 24), nn.ReLU(), nn.Linear(24, 3))
opt = torch.optim.SGD(net.parameters(), lr=0.05, weight_decay=1e-2)
ce = nn.CrossEntropyLoss()
for epoch in range(30):
    for xb, yb in DataLoader(TensorDataset(X[:130], y[:130]), 10, shuffle=True):
        opt.zero_grad()
        loss = ce(net(xb), yb)
        loss.backward()
        opt.step()
    if epoch % 6 == 5:
        with torch.no_grad():
            ok = ~X[130:].isnan().any(1)
            acc = (net(X[130:][ok]).argmax(1) == y[130:][ok]).float().mean()
        print(epoch + 1, loss.item(), "accuracy", acc.item())
