"""Small residual network on the 8x8 digits (course exercise 4)."""

import os
import random

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
np.random.seed(SEED)
torch.manual_seed(SEED)


class Block(nn.Module):
    def __init__(self, ch):
        super().__init__()
        self.conv1 = nn.Conv2d(ch, ch, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(ch)
        self.conv2 = nn.Conv2d(ch, ch, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(ch)

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        h = self.bn2(self.conv2(h))
        return F.relu(x + h)


class SmallResNet(nn.Module):
    def __init__(self, n_classes=10):
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 3, padding=1)
        self.block1 = Block(8)
        self.down = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.block2 = Block(16)
        self.fc = nn.Linear(16, n_classes)

    def forward(self, x):
        x = F.relu(self.stem(x))
        x = self.block1(x)
        x = F.relu(self.down(x))
        x = self.block2(x)
        return self.fc(x.mean(dim=(2, 3)))


def get_loaders(batch_size=32):
    X, y = load_digits(return_X_y=True)
    X = X.reshape(-1, 1, 8, 8).astype("float32") / 16.0
    X = (X - 0.305) / 0.376
    Xtr, Xte, ytr, yte = train_test_split(X, y, test_size=0.2, stratify=y, random_state=SEED)
    train = TensorDataset(torch.from_numpy(Xtr), torch.from_numpy(ytr).long())
    test = TensorDataset(torch.from_numpy(Xte), torch.from_numpy(yte).long())
    return DataLoader(train, batch_size, shuffle=True), DataLoader(test, 256)


def evaluate(model, loader):
    model.eval()
    hits, n = 0, 0
    with torch.no_grad():
        for xb, yb in loader:
            hits += (model(xb).argmax(1) == yb).sum().item()
            n += len(yb)
    return hits / n


def train(epochs=14, lr=0.05):
    train_loader, test_loader = get_loaders()
    model = SmallResNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, weight_decay=5e-4)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.8)
    for epoch in range(epochs):
        model.train()
        running = 0.0
        for xb, yb in train_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(xb), yb)
            loss.backward()
            optimizer.step()
            running += loss.item() * len(yb)
        scheduler.step()
        print(
            f"epoch {epoch + 1}: loss {running / len(train_loader.dataset):.4f} "
            f"test acc {evaluate(model, test_loader):.4f}"
        )


if __name__ == "__main__":
    train()
