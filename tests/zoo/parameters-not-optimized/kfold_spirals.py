# Four-fold cross-validation of a small network on three noisy spiral arms
import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.model_selection import StratifiedKFold
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)
LR, EPOCHS = 8e-3, 20

n_per_arm = 800
points, labels = [], []
for arm in range(3):
    r = rng.uniform(0.1, 1.0, n_per_arm)
    theta = 2 * np.pi * arm / 3 + 4.0 * r + rng.normal(0, 0.12, n_per_arm)
    points.append(np.stack([r * np.cos(theta), r * np.sin(theta)], axis=1))
    labels.append(np.full(n_per_arm, arm))
X = np.concatenate(points).astype(np.float32)
y = np.concatenate(labels)
X = (X - X.mean(0)) / X.std(0)


def build():
    return nn.Sequential(nn.Linear(2, 48), nn.ELU(), nn.Linear(48, 48), nn.ELU(), nn.Linear(48, 3))


def loaders(train_idx, val_idx):
    tr = TensorDataset(torch.from_numpy(X[train_idx]), torch.from_numpy(y[train_idx]))
    va = TensorDataset(torch.from_numpy(X[val_idx]), torch.from_numpy(y[val_idx]))
    return DataLoader(tr, batch_size=60, shuffle=True), DataLoader(va, batch_size=600)


criterion = nn.CrossEntropyLoss()
scores = []
folds = StratifiedKFold(n_splits=4, shuffle=True, random_state=SEED)
for fold, (train_idx, val_idx) in enumerate(folds.split(X, y)):
    net = build()
    optimizer = torch.optim.AdamW(net.parameters(), lr=LR, weight_decay=1e-3)
    train_loader, val_loader = loaders(train_idx, val_idx)
    for epoch in range(EPOCHS):
        for group in optimizer.param_groups:
            group["lr"] = LR * 0.5 * (1 + np.cos(np.pi * epoch / EPOCHS))
        net.train()
        running = 0.0
        for xb, yb in train_loader:
            optimizer.zero_grad()
            loss = criterion(net(xb), yb)
            loss.backward()
            optimizer.step()
            running += loss.item() * len(yb)
        if epoch % 5 == 4:
            print(f"fold {fold} epoch {epoch + 1} loss {running / len(train_idx):.4f}")
    net.eval()
    with torch.no_grad():
        hits = sum((net(xb).argmax(1) == yb).sum().item() for xb, yb in val_loader)
    scores.append(hits / len(val_idx))
    print(f"fold {fold} accuracy {scores[-1]:.3f}")
print(f"mean accuracy {np.mean(scores):.3f} +- {np.std(scores):.3f}")
