"""Siamese network with contrastive loss; same-digit / different-digit pairs."""

import os
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, Dataset

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)


class PairDataset(Dataset):
    def __init__(self, X, y, n_pairs, rng):
        self.X = torch.tensor(X, dtype=torch.float32)
        by_class = [np.flatnonzero(y == c) for c in range(10)]
        self.pairs = []
        for i in range(n_pairs):
            if i % 2 == 0:
                c = rng.integers(10)
                a, b = rng.choice(by_class[c]), rng.choice(by_class[c])
                self.pairs.append((a, b, 1.0))
            else:
                c, d = rng.choice(10, 2, replace=False)
                self.pairs.append((rng.choice(by_class[c]), rng.choice(by_class[d]), 0.0))

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, i):
        a, b, same = self.pairs[i]
        return self.X[a], self.X[b], torch.tensor(same)


class Embedder(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 8))

    def forward(self, x):
        return self.net(x)


def pair_distance(u, v):
    return torch.sqrt(((u - v) ** 2).sum(dim=1) + 1e-8)


def contrastive_loss(d, same, margin=2.0):
    pos = same * d**2
    neg = (1 - same) * F.relu(margin - d) ** 2
    return (pos + neg).mean()


digits = load_digits()
X_tr, X_te, y_tr, y_te = train_test_split(digits.data / 16.0, digits.target, test_size=0.25, random_state=SEED)
rng = np.random.default_rng(SEED)
train_loader = DataLoader(PairDataset(X_tr, y_tr, 4000, rng), batch_size=64, shuffle=True)
test_loader = DataLoader(PairDataset(X_te, y_te, 1000, rng), batch_size=250)

model = Embedder()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20)

for epoch in range(20):
    model.train()
    losses = []
    for a, b, same in train_loader:
        loss = contrastive_loss(pair_distance(model(a), model(b)), same)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    model.eval()
    correct = 0
    with torch.no_grad():
        for a, b, same in test_loader:
            pred = (pair_distance(model(a), model(b)) < 1.0).float()
            correct += (pred == same).sum().item()
    print(f"epoch {epoch + 1:2d} | contrastive loss {np.mean(losses):.4f} | pair accuracy {correct / 1000:.3f}")
