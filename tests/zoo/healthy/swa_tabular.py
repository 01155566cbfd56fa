"""Stochastic weight averaging on a regression of a smooth function of eight variables."""

import os

import torch
from sklearn.datasets import make_friedman1
from torch import nn
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

X, y = make_friedman1(3000, n_features=8, noise=1.0, random_state=SEED)
y = (y - y.mean()) / y.std()
X, y = torch.tensor(X * 2 - 1).float(), torch.tensor(y).float().unsqueeze(1)
loader = DataLoader(TensorDataset(X[:2400], y[:2400]), batch_size=48, shuffle=True, drop_last=True)
Xv, yv = X[2400:], y[2400:]

model = nn.Sequential(
    nn.Linear(8, 48),
    nn.BatchNorm1d(48),
    nn.ReLU(),
    nn.Linear(48, 32),
    nn.BatchNorm1d(32),
    nn.ReLU(),
    nn.Linear(32, 1),
)
swa_model = AveragedModel(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=12, eta_min=0.01)
swa_scheduler = SWALR(optimizer, swa_lr=0.01, anneal_epochs=2)
swa_start = 10
loss_fn = nn.MSELoss()

for epoch in range(18):
    model.train()
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() / len(loader)
    if epoch >= swa_start:
        swa_model.update_parameters(model)
        swa_scheduler.step()
    else:
        scheduler.step()
    model.eval()
    with torch.no_grad():
        if epoch % 3 == 2:
            print(f"epoch {epoch + 1} train mse {total:.4f} val mse {loss_fn(model(Xv), yv):.4f}")

update_bn(loader, swa_model)
swa_model.eval()
with torch.no_grad():
    print(f"averaged weights: val mse {loss_fn(swa_model(Xv), yv):.4f}")
