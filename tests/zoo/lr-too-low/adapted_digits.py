"""Adapt a network that reads digits 0-4 to digits 5-9 by low-rank adapters."""

import os

import torch
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
torch.set_num_threads(1)

x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
first, second = y < 5, y >= 5


class Adapted(nn.Module):
    def __init__(self, base, rank=8, alpha=16):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Parameter(torch.randn(rank, base.in_features) / base.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(base.out_features, rank))
        self.scale = alpha / rank

    def forward(self, x):
        return self.base(x) + self.scale * (x @ self.down.T) @ self.up.T


def linear(weight, bias):
    layer = nn.Linear(*weight.shape)
    layer.load_state_dict({"weight": torch.tensor(weight.T), "bias": torch.tensor(bias)})
    return layer.float()


reader = MLPClassifier((64, 64), max_iter=300, random_state=0).fit(x[first].numpy(), y[first].numpy())
one, two, three = (linear(w, b) for w, b in zip(reader.coefs_, reader.intercepts_))
net = nn.Sequential(Adapted(one), nn.ReLU(), Adapted(two), nn.ReLU(), Adapted(three))
adapters = [p for p in net.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(adapters, lr=2e-3)
x, y = x[second], y[second] - 5
for epoch in range(12):
    for rows in torch.randperm(len(x)).split(32):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
with torch.no_grad():
    print(f"adapted accuracy {(net(x).argmax(1) == y).float().mean().item():.3f}")
