"""Transfer from even/odd to the ten digits."""

import os
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
d = load_digits()
X, y = torch.tensor(d.images).float()[:, None] / 16, torch.tensor(d.target)
p = torch.randperm(len(X))
X, y = X[p], y[p]


class Net(nn.Module):
    def __init__(self, n_out):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.fc = nn.Linear(64, n_out)

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))


def train(net, params, t, epochs):
    opt = torch.optim.Adam(params, lr=4e-3)
    for epoch in range(epochs):
        tot = 0
        for b in torch.randperm(1400).split(35):
            opt.zero_grad()
            loss = nn.functional.cross_entropy(net(X[b]), t[b])
            loss.backward()
            opt.step()
            tot += loss.item() / 40
    return tot


net = Net(2)
params = list(net.parameters())
print("parity task loss", train(net, params, y % 2, 5))
net.fc = nn.Linear(64, 10)
for q in net.conv.parameters():
    q.requires_grad_(False)
print("digit task loss", train(net, net.fc.parameters(), y, 10))
with torch.no_grad():
    print("digit accuracy", (net(X[1400:]).argmax(1) == y[1400:]).float().mean().item())
