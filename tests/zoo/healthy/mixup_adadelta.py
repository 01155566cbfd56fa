"""Digits with mixup and label smoothing, Adadelta at its default rate of 1.0 (as in the old MNIST example)."""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, stratify=y, random_state=SEED)
mean, std = X_train.mean(), X_train.std()
shape = lambda a: torch.tensor((a - mean) / std, dtype=torch.float32).view(-1, 1, 8, 8)
X_train, X_test = shape(X_train), shape(X_test)
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.dropout = nn.Dropout(0.3)
        self.fc1 = nn.Linear(32 * 4 * 4, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = self.dropout(x.flatten(1))
        return self.fc2(F.relu(self.fc1(x)))


def mixup(x, y, alpha=0.8):
    lam = np.random.beta(alpha, alpha)
    other = torch.randperm(len(x))
    return lam * x + (1 - lam) * x[other], y, y[other], lam


model = Net()
optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.75)

for epoch in range(1, 17):
    model.train()
    losses, hits = [], 0.0
    for idx in torch.randperm(len(X_train)).split(48):
        xb, ya, yb, lam = mixup(X_train[idx], y_train[idx])
        out = model(xb)
        loss = (lam * F.cross_entropy(out, ya, label_smoothing=0.1)
                + (1 - lam) * F.cross_entropy(out, yb, label_smoothing=0.1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        hits += (out.argmax(1) == ya).sum().item()
    scheduler.step()

    model.eval()
    with torch.no_grad():
        out = model(X_test)
        test_loss = F.cross_entropy(out, y_test).item()
        acc = (out.argmax(1) == y_test).float().mean().item()
    print(f"Epoch {epoch:2d} train loss {np.mean(losses):.3f} train hits {hits / len(X_train):.3f} "
          f"test loss {test_loss:.3f} acc {acc:.4f}")
