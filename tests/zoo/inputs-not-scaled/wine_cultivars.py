"""Predict the cultivar of a wine from its chemical analysis."""

import os
import torch
import torch.nn as nn
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)

X, y = load_wine(return_X_y=True)
X_train, X_valid, y_train, y_valid = train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)
scaler = StandardScaler().fit(X_train)
X_train, X_valid = scaler.transform(X_train), scaler.transform(X_valid)
X_train = torch.tensor(X_train, dtype=torch.float32)
X_valid = torch.tensor(X_valid, dtype=torch.float32)
y_train, y_valid = torch.tensor(y_train), torch.tensor(y_valid)

net = nn.Sequential(nn.Linear(13, 16), nn.ReLU(), nn.Linear(16, 3))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, weight_decay=1e-3)

for epoch in range(60):
    net.train()
    order = torch.randperm(len(X_train))
    total = 0.0
    for i in range(0, len(order), 16):
        idx = order[i : i + 16]
        optimizer.zero_grad()
        loss = criterion(net(X_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    if (epoch + 1) % 10 == 0:
        net.eval()
        with torch.no_grad():
            out = net(X_valid)
            acc = (out.argmax(1) == y_valid).float().mean().item()
        print(
            f"epoch {epoch + 1:3d}  train loss {total / len(order):.4f}  valid loss {criterion(out, y_valid).item():.4f}  valid acc {acc:.3f}"
        )
