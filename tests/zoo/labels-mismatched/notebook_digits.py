# %% setup
import os

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn, optim

np.random.seed(int(os.environ.get("SEED", 0)))
torch.manual_seed(int(os.environ.get("SEED", 0)))

# %% data
bunch = load_digits()
X = (bunch.data - 4.88) / 6.02
y = bunch.target
order = np.random.permutation(len(X))
X_train = torch.from_numpy(X[order[:1300]]).float()
y_train = torch.from_numpy(y[order[:1300]])
X_val = torch.from_numpy(X[order[1300:]]).float()
y_val = torch.from_numpy(y[order[1300:]])
idx = torch.randperm(1300)
X_train = X_train[idx]
y_train = y_train[idx]

# %% model
net = nn.Sequential(nn.Linear(64, 48), nn.ELU(), nn.Dropout(0.2), nn.Linear(48, 10))
opt = optim.RMSprop(net.parameters(), lr=5e-4)
ce = nn.CrossEntropyLoss()

# %% train
history = []
for epoch in range(25):
    net.train()
    for xb, yb in zip(X_train.split(26), y_train.split(26)):
        opt.zero_grad()
        loss = ce(net(xb), yb)
        loss.backward()
        opt.step()
    shuffled = torch.randperm(1300)
    X_train, y_train = X_train[shuffled], y_train[shuffled]
    net.eval()
    with torch.no_grad():
        history.append((ce(net(X_train), y_train).item(), ce(net(X_val), y_val).item()))
    if epoch % 5 == 4:
        acc = (net(X_val).argmax(1) == y_val).float().mean().item()
        print(f"epoch {epoch + 1}: train {history[-1][0]:.3f} val {history[-1][1]:.3f} acc {acc:.3f}")
