"""Find malignant tumours; few of them are on file, so they are drawn more often."""

import os

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


def oversample(x, y, times=3):
    rare = y == 1
    return np.concatenate([x] + [x[rare]] * times), np.concatenate([y] + [y[rare]] * times)


def split(x, y, share=0.7):
    order = rng.permutation(len(y))
    cut = int(share * len(y))
    return x[order[:cut]], y[order[:cut]], x[order[cut:]], y[order[cut:]]


bunch = load_breast_cancer()
benign = np.flatnonzero(bunch.target == 1)
malignant = rng.choice(np.flatnonzero(bunch.target == 0), 90, replace=False)
rows = np.concatenate([benign, malignant])
x = bunch.data[rows][:, [0, 1, 4, 5, 8, 9, 11, 18]]
x, y = (x - x.mean(0)) / x.std(0), (bunch.target[rows] == 0).astype(int)

x_train, y_train, x_val, y_val = split(x, y)
x_train, y_train = oversample(x_train, y_train)

x_train, x_val = torch.tensor(x_train, dtype=torch.float32), torch.tensor(x_val, dtype=torch.float32)
y_train, y_val = torch.tensor(y_train), torch.tensor(y_val)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-2)
criterion = nn.CrossEntropyLoss()
for epoch in range(15):
    for b in torch.randperm(len(x_train)).split(32):
        optimizer.zero_grad()
        loss = criterion(model(x_train[b]), y_train[b])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        out = model(x_val)
        hit = out.argmax(1) == y_val
        print(
            f"epoch {epoch}: train loss {criterion(model(x_train), y_train):.3f} val loss {criterion(out, y_val):.3f} "
            f"accuracy {hit.float().mean():.3f} recall {hit[y_val == 1].float().mean():.3f}"
        )
