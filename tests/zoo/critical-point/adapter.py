"""A low-rank adapter moves a digit classifier to digits that are turned upside down."""

import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)

images, labels = load_digits(return_X_y=True)
images = torch.tensor(images / 16 - 0.3, dtype=torch.float32)
labels = torch.tensor(labels)


class Adapted(nn.Module):
    """base(x) + x A B, of which only A and B are trained."""

    def __init__(self, base, rank=8):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Parameter(torch.randn(base.in_features, rank) / base.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(rank, base.out_features))

    def forward(self, x):
        return self.base(x) + x @ self.down @ self.up


def train(model, inputs, epochs, lr):
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=lr)
    for _ in range(epochs):
        for i in torch.randperm(1400).split(50):
            loss = F.cross_entropy(model(inputs[i]), labels[i])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        return (model(inputs[1400:]).argmax(1) == labels[1400:]).float().mean().item()


model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
print(f"upright accuracy {train(model, images, 12, 3e-3):.3f}")
turned = images.reshape(-1, 8, 8).flip(1).reshape(-1, 64)
model[0], model[2] = Adapted(model[0]), Adapted(model[2])
print(f"turned accuracy {train(model, turned, 20, 3e-3):.3f}")
