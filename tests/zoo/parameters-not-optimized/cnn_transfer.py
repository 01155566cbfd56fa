"""Pre-train a small CNN on the digits 0-6, give it a new head, fine-tune everything on 7-9."""
import os

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(int(os.environ.get("SEED", 0)))
d = load_digits()
X = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 16
y = torch.tensor(d.target)
old = y < 7


def conv(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU())


class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.stem = conv(1, 16)
        self.block1 = nn.Sequential(conv(16, 32), nn.MaxPool2d(2))
        self.block2 = nn.Sequential(conv(32, 48), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(48, classes)

    def forward(self, x):
        return self.head(self.block2(self.block1(self.stem(x))))


def accuracy(net, X, y):
    net.eval()
    with torch.no_grad():
        return (net(X).argmax(1) == y).float().mean().item()


def train(net, opt, X, y, epochs, batch_size=32):
    n = int(0.8 * len(X))
    loader = DataLoader(TensorDataset(X[:n], y[:n]), batch_size, shuffle=True)
    for epoch in range(epochs):
        net.train()
        total = 0.0
        for xb, yb in loader:
            loss = nn.functional.cross_entropy(net(xb), yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(xb)
        print(f"epoch {epoch + 1} loss {total / n:.4f} acc {accuracy(net, X[n:], y[n:]):.3f}")


net = Net(7)
train(net, torch.optim.AdamW(net.parameters(), lr=2e-3), X[old], y[old], 5)
net.head = nn.Linear(48, 3)
opt = torch.optim.AdamW(net.parameters(), lr=5e-4)
train(net, opt, X[~old], y[~old] - 7, 8)
