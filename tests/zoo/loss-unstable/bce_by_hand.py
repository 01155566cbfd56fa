"""Logistic unit on separable data, loss as in the lecture notes."""

import os
import numpy as np
import torch
from sklearn.datasets import load_iris

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
iris = load_iris()
X = torch.tensor((iris.data - iris.data.mean(0)) / iris.data.std(0)).float()
t = torch.tensor(iris.target == 0).float()
p = torch.randperm(150)
X, t = X[p], t[p]
hidden = torch.nn.Linear(4, 12)
output = torch.nn.Linear(12, 1)
params = list(hidden.parameters()) + list(output.parameters())
opt = torch.optim.SGD(params, lr=0.5, momentum=0.9)


def forward(x):
    return torch.sigmoid(8 * output(torch.relu(hidden(x)))).squeeze(1)


def bce(a, t):
    return torch.nn.functional.binary_cross_entropy(a, t)


costs = []
for i in range(600):
    b = torch.randint(0, 110, (22,))
    cost = bce(forward(X[b]), t[b])
    opt.zero_grad()
    cost.backward()
    opt.step()
    costs.append(cost.item())
    if i % 100 == 0:
        print("cost after iteration", i, np.round(cost.item(), 5))
with torch.no_grad():
    a = forward(X[110:])
print("final cost", costs[-1], "accuracy", ((a > 0.5) == (t[110:] > 0.5)).float().mean().item())
