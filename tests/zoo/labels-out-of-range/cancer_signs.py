"""Logistic regression with one hidden layer on the Wisconsin data."""

import os

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
torch.set_num_threads(1)

X, y = load_breast_cancer(return_X_y=True)
X_tr, X_va, y_tr, y_va = train_test_split(X, y, test_size=150, random_state=SEED)
m, s = X_tr.mean(axis=0), X_tr.std(axis=0)
X_tr, X_va = (X_tr - m) / s, (X_va - m) / s

to = lambda a: torch.tensor(a, dtype=torch.float32)
loader = DataLoader(TensorDataset(to(X_tr), to(y_tr)[:, None]), batch_size=32, shuffle=True)
X_va, y_va = to(X_va), to(y_va)[:, None]

model = nn.Sequential(nn.Linear(30, 16), nn.Tanh(), nn.Linear(16, 1))
bce = nn.BCEWithLogitsLoss()
optim = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-2)
for epoch in range(1, 21):
    model.train()
    seen, summed = 0, 0.0
    for xb, yb in loader:
        optim.zero_grad()
        loss = bce(model(xb), yb)
        loss.backward()
        optim.step()
        seen += len(xb)
        summed += loss.item() * len(xb)
    if epoch % 5 == 0:
        model.eval()
        with torch.no_grad():
            z = model(X_va)
            acc = ((z > 0) == (y_va > 0.5)).float().mean()
            print(f"epoch {epoch}\tloss {summed / seen:.4f}\tvalid bce {bce(z, y_va).item():.4f}\tacc {acc:.3f}")
