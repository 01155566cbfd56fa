"""Detect a rare machine failure from eight sensor readings."""

import os
import torch
import torch.nn as nn
from sklearn.datasets import make_classification

seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
torch.set_num_threads(1)

X, y = make_classification(
    n_samples=9000,
    n_features=8,
    n_informative=5,
    n_redundant=1,
    weights=[0.98],
    class_sep=0.9,
    flip_y=0.004,
    random_state=3,
)
order = torch.randperm(len(y)).numpy()
X, y = X[order], y[order]
X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
y = torch.tensor(y)
Xt, yt, Xv, yv = X[:6000], y[:6000], X[6000:], y[6000:]

net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
criterion = nn.CrossEntropyLoss(weight=len(yt) / (2.0 * torch.bincount(yt)))
optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.8, weight_decay=1e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 12)

for epoch in range(12):
    net.train()
    for idx in torch.randperm(len(Xt)).split(60):
        optimizer.zero_grad()
        loss = criterion(net(Xt[idx]), yt[idx])
        loss.backward()
        optimizer.step()
    scheduler.step()
    net.eval()
    with torch.no_grad():
        pred = net(Xv).argmax(1)
        recalls = [(pred[yv == c] == c).float().mean().item() for c in (0, 1)]
        lt, lv = criterion(net(Xt), yt).item(), criterion(net(Xv), yv).item()
    print(
        f"epoch {epoch + 1:2d}: loss {lt:.4f} (valid {lv:.4f}), recalls {recalls[0]:.3f} {recalls[1]:.3f}, balanced accuracy {sum(recalls) / 2:.3f}"
    )
