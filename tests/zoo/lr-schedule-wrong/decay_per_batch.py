"""Digits with exponential decay of the rate."""

import os
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
d = load_digits()
X, y = torch.tensor(d.data).float() / 16, torch.tensor(d.target)
p = torch.randperm(len(X))
loader = DataLoader(TensorDataset(X[p[:1400]], y[p[:1400]]), batch_size=32, shuffle=True)
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)


def train_one_epoch():
    model.train()
    total = 0.0
    for x, t in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), t)
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(loader)


for epoch in range(20):
    train_loss = train_one_epoch()
    scheduler.step()
    if epoch % 4 == 3:
        model.eval()
        with torch.no_grad():
            acc = (model(X[p[1400:]]).argmax(1) == y[p[1400:]]).float().mean()
        print(f"epoch {epoch + 1:2d} loss {train_loss:.4f} acc {acc:.4f}")
