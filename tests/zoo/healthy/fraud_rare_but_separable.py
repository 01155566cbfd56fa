"""Card fraud (about 3 % of the payments), plain cross-entropy."""

import os

import numpy as np
import torch
from sklearn.metrics import average_precision_score, f1_score
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)


def payments(n):
    fraud = (rng.random(n) < 0.03).astype(np.int64)
    amount = rng.lognormal(3.0 + 1.2 * fraud, 0.5)
    night = rng.random(n) < np.where(fraud, 0.9, 0.15)
    abroad = rng.random(n) < np.where(fraud, 0.92, 0.06)
    since_last = rng.exponential(np.where(fraud, 0.3, 20.0))
    new_device = rng.random(n) < np.where(fraud, 0.9, 0.05)
    noise = rng.normal(size=(n, 3))
    x = np.column_stack([np.log(amount), np.log1p(since_last), night, abroad, new_device, noise])
    return x.astype(np.float32), fraud


X, y = payments(12000)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, stratify=y, random_state=SEED)
mean, std = X_train.mean(0), X_train.std(0)
X_train, X_test = (X_train - mean) / std, (X_test - mean) / std
loader = DataLoader(TensorDataset(torch.from_numpy(X_train), torch.from_numpy(y_train)), batch_size=128, shuffle=True)

model = nn.Sequential(nn.Linear(X.shape[1], 48), nn.GELU(), nn.Linear(48, 32), nn.GELU(), nn.Linear(32, 2))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.05)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=8)
x_test = torch.from_numpy(X_test)

for epoch in range(8):
    model.train()
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(yb)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        logits = model(x_test)
    val = criterion(logits, torch.from_numpy(y_test)).item()
    score = logits.softmax(1)[:, 1].numpy()
    print(
        f"epoch {epoch} loss {total / len(y_train):.4f} test {val:.4f} "
        f"ap {average_precision_score(y_test, score):.3f} f1 {f1_score(y_test, score > 0.5):.3f}"
    )
