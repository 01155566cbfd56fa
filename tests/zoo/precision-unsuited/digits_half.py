"""Handwritten digits, with a network that computes in half precision."""

import os

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
torch.set_num_threads(1)

x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
order = torch.randperm(len(x))
train, test = order[:1400], order[1400:]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU())
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(self.body(x))


half = torch.float16
net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
for epoch in range(6):
    for rows in train[torch.randperm(len(train))].split(64):
        with torch.autocast("cpu", dtype=half):
            scores = net(x[rows])
        loss = nn.functional.cross_entropy(scores.float(), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
with torch.no_grad(), torch.autocast("cpu", dtype=half):
    print(f"test accuracy {(net(x[test]).argmax(1) == y[test]).float().mean().item():.3f}")
