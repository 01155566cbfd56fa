"""Leaf disease from 24-band reflectance. Most leaves in the field are healthy."""
import os

import numpy as np
import torch
from torch import nn
from sklearn.metrics import balanced_accuracy_score, confusion_matrix
from sklearn.model_selection import train_test_split

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)

CLASSES = ["healthy", "rust", "mildew", "mosaic"]
SHARE = [0.97, 0.012, 0.010, 0.008]
N, BANDS = 40000, 24

grid = np.linspace(0, 1, BANDS)
base = 0.3 + 0.4 / (1 + np.exp(-20 * (grid - 0.6)))
dips = {0: None, 1: 0.25, 2: 0.45, 3: 0.75}

y = np.random.choice(len(CLASSES), size=N, p=SHARE)
X = base + 0.05 * np.random.randn(N, 1) + 0.05 * np.random.randn(N, BANDS)
for c, centre in dips.items():
    if centre is not None:
        depth = np.random.uniform(0.09, 0.13, ((y == c).sum(), 1))
        X[y == c] -= depth * np.exp(-((grid - centre) / 0.06) ** 2)

X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.25, stratify=y, random_state=SEED)
m, s = X_tr.mean(0), X_tr.std(0)
X_tr = torch.tensor((X_tr - m) / s, dtype=torch.float32)
X_te = torch.tensor((X_te - m) / s, dtype=torch.float32)
y_tr, y_te = torch.tensor(y_tr), torch.tensor(y_te)

model = nn.Sequential(nn.Linear(BANDS, 16), nn.ReLU(), nn.Linear(16, len(CLASSES)))

counts = torch.bincount(y_tr, minlength=len(CLASSES)).float()
weight = counts.sum() / (len(CLASSES) * counts)
criterion = nn.CrossEntropyLoss(weight=weight)

epochs, batch = 14, 400
opt = torch.optim.RMSprop(model.parameters(), lr=3e-3, weight_decay=1e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)

for epoch in range(epochs):
    model.train()
    losses = []
    for idx in torch.randperm(len(X_tr)).split(batch):
        loss = criterion(model(X_tr[idx]), y_tr[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    sched.step()
    model.eval()
    with torch.no_grad():
        logits = model(X_te)
        test_loss = criterion(logits, y_te).item()
    pred = logits.argmax(1)
    bal = balanced_accuracy_score(y_te, pred)
    print(f"epoch {epoch:2d} loss {np.mean(losses):.4f} test {test_loss:.4f} "
          f"accuracy {(pred == y_te).float().mean():.3f} balanced {bal:.3f}")

print(confusion_matrix(y_te, pred))
