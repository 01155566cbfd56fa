import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(int(os.environ.get("SEED", 0)))
images, digits = load_digits(return_X_y=True)
images = torch.tensor(images, dtype=torch.float32).div(16).view(-1, 1, 8, 8)
digits = torch.tensor(digits)


class Encoder(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.narrow = nn.Conv2d(1, 16, 3, padding=1)
        self.wide = nn.Conv2d(16, 32, 3, padding=1, stride=2)
        self.out = nn.Linear(32 * 16, width)

    def forward(self, x):
        return F.relu(self.out(F.relu(self.wide(F.relu(self.narrow(x)))).flatten(1)))


class Network(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.encoder = Encoder()
        self.head = nn.Linear(64, classes)

    def forward(self, x):
        return self.head(self.encoder(x))


def train(model, optimizer, loader, epochs):
    for epoch in range(epochs):
        total = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"epoch {epoch} loss {total / len(loader):.4f}")


parity = Network(2)
loader = DataLoader(TensorDataset(images[:1400], digits[:1400] % 2), 64, shuffle=True)
train(parity, torch.optim.Adam(parity.parameters(), 1e-3), loader, 6)

model = Network(10)
model.encoder = parity.encoder
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
train(model, optimizer, DataLoader(TensorDataset(images[:1400], digits[:1400]), 64, shuffle=True), 25)
with torch.no_grad():
    print(f"accuracy {(model(images[1400:]).argmax(1) == digits[1400:]).float().mean():.3f}")
