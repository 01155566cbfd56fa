"""Deep batch-normalised net; validation after every epoch."""

import os
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
data = load_digits()
X = torch.tensor(data.data).float()
y = torch.tensor(data.target)
perm = torch.randperm(len(X))
X, y = X[perm] / 16, y[perm]


def unit(i, o):
    return [nn.Linear(i, o, bias=False), nn.BatchNorm1d(o), nn.Sigmoid()]


net = nn.Sequential(*unit(64, 32), *unit(32, 32), *unit(32, 32), *unit(32, 32), nn.Linear(32, 10))
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)


def validate():
    net.eval()
    with torch.no_grad():
        out = net(X[1400:])
    return nn.functional.cross_entropy(out, y[1400:]).item(), (out.argmax(1) == y[1400:]).float().mean().item()


print("before training: loss %.4f accuracy %.4f" % validate())
for epoch in range(12):
    net.train()
    total = 0.0
    for b in torch.randperm(1400).split(40):
        loss = nn.functional.cross_entropy(net(X[b]), y[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / 35
    v = validate()
    if epoch % 3 == 2:
        print("epoch %d: train %.4f" % (epoch + 1, total), "validation %.4f accuracy %.4f" % v)
