import os
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_friedman1

seed = int(os.environ.get("SEED", 0))
np.random.seed(seed)
torch.manual_seed(seed)
torch.set_num_threads(1)

X, y = make_friedman1(n_samples=1600, n_features=7, noise=0.7, random_state=seed)
X, y = 2 * X - 1, (y - y.mean()) / y.std()
X_val, y_val = X[1200:], y[1200:]
X, y = X[:1200], y[:1200]
rank = np.argsort(y)  # keep a table by rank for the report below
X, y = X[rank], y[rank]


def batches(size):
    order = np.random.permutation(len(y))
    for i in range(0, len(y), size):
        yield tensor(X[order[i : i + size]]), tensor(y[order[i : i + size]])


def tensor(a):
    return torch.tensor(a, dtype=torch.float32)


model = nn.Sequential(nn.Linear(7, 24), nn.ReLU(), nn.Linear(24, 1), nn.Flatten(0))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.5, weight_decay=1e-3)
criterion = nn.MSELoss()
for epoch in range(30):
    for xb, yb in batches(30):
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
    if epoch % 6 == 5:
        with torch.no_grad():
            t, v = criterion(model(tensor(X)), tensor(y)), criterion(model(tensor(X_val)), tensor(y_val))
            low = model(tensor(X[:50])).mean()
        print(f"epoch {epoch + 1} train {t:.4f} val {v:.4f} (mean forecast of the 50 lowest {low:.2f})")
