"""Metric learning on digits: batch-hard triplet loss, scored by nearest neighbour."""

import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

SEED = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

MARGIN = 0.3
P, K = 10, 6  # classes in a batch, examples of each


class PKSampler:
    def __init__(self, labels, batches):
        self.by_class = [np.flatnonzero(labels == c) for c in np.unique(labels)]
        self.batches = batches

    def __iter__(self):
        for _ in range(self.batches):
            classes = rng.choice(len(self.by_class), P, replace=False)
            yield np.concatenate([rng.choice(self.by_class[c], K, replace=False) for c in classes])


class Embedder(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.project = nn.Linear(24 * 16, dim)

    def forward(self, x):
        return F.normalize(self.project(self.features(x)), dim=1)


def batch_hard(z, y):
    dist = (2 - 2 * z @ z.T).clamp_min(1e-6).sqrt()
    same = y[:, None] == y[None, :]
    farthest_positive = (dist * same).max(1).values
    nearest_negative = (dist + 10.0 * same).min(1).values
    per_anchor = F.relu(farthest_positive - nearest_negative + MARGIN)
    return per_anchor.mean(), (per_anchor > 0).float().mean()


X, y = load_digits(return_X_y=True)
X = ((X - X.mean()) / X.std()).astype(np.float32).reshape(-1, 1, 8, 8)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=SEED)
X_train, X_test = torch.from_numpy(X_train), torch.from_numpy(X_test)
labels = torch.from_numpy(y_train)

model = Embedder()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 30)

for epoch in range(30):
    model.train()
    log = []
    for idx in PKSampler(y_train, 20):
        idx = torch.from_numpy(idx)
        loss, active = batch_hard(model(X_train[idx]), labels[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        log.append((loss.item(), active.item()))
    scheduler.step()
    if epoch % 5 == 4:
        model.eval()
        with torch.no_grad():
            ref, query = model(X_train).numpy(), model(X_test).numpy()
        acc = KNeighborsClassifier(1).fit(ref, y_train).score(query, y_test)
        l, a = np.mean(log, axis=0)
        print(f"epoch {epoch + 1} triplet {l:.4f} active {a:.2f} 1-nn accuracy {acc:.4f}")
