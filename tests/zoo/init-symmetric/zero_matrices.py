# numpy-style network, written by hand
import os
import numpy as np
import torch
from sklearn.datasets import make_moons

torch.set_num_threads(1)
np.random.seed(int(os.environ.get("SEED", 0)))
torch.manual_seed(int(os.environ.get("SEED", 0)))

X, y = make_moons(1500, noise=0.12)
X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32)
X_test, y_test = X[1000:], y[1000:]
X, y = X[:1000], y[:1000]

H = 16
W1 = torch.randn(2, H, requires_grad=True)
b1 = torch.zeros(H, requires_grad=True)
W2 = torch.zeros(H, requires_grad=True)
b2 = torch.zeros(1, requires_grad=True)
weights = [W1, b1, W2, b2]


def predict(x):
    return torch.sigmoid(torch.tanh(x @ W1 + b1) @ W2 + b2)


def bce(p, t):
    p = p.clamp(1e-6, 1 - 1e-6)
    return -(t * p.log() + (1 - t) * (1 - p).log()).mean()


lr = 0.5
for it in range(2000):
    batch = np.random.choice(1000, 100, replace=False)
    loss = bce(predict(X[batch]), y[batch])
    grads = torch.autograd.grad(loss, weights)
    with torch.no_grad():
        for w, g in zip(weights, grads):
            w -= lr * g
    if it % 400 == 399:
        with torch.no_grad():
            p = predict(X_test)
            print(
                it + 1,
                "loss %.4f" % bce(predict(X), y).item(),
                "test %.4f" % bce(p, y_test).item(),
                "acc %.3f" % ((p > 0.5) == (y_test > 0.5)).float().mean().item(),
            )
