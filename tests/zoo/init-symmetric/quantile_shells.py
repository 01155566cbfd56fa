# Homework 2: a two-layer network "from scratch" (only autograd and the optimizer are given)
import os

import torch
from sklearn.datasets import make_gaussian_quantiles

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

X, y = make_gaussian_quantiles(n_samples=4500, n_features=3, n_classes=3, random_state=SEED)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y)
perm = torch.randperm(len(X))
X, y = X[perm], y[perm]
X_train, y_train = X[:3500], y[:3500]
X_test, y_test = X[3500:], y[3500:]


def initialize(n_in, n_hidden, n_out):
    params = {
        "W1": 0.5 * torch.randn(n_in, n_hidden),
        "b1": torch.zeros(n_hidden),
        "W2": 0.2 * torch.randn(n_hidden, n_out),
        "b2": torch.zeros(n_out),
    }
    return {k: v.requires_grad_() for k, v in params.items()}


def forward(params, x):
    hidden = torch.tanh(x @ params["W1"] + params["b1"])
    return hidden @ params["W2"] + params["b2"]


def cross_entropy(scores, target):
    logp = scores - scores.logsumexp(dim=1, keepdim=True)
    return -logp[torch.arange(len(target)), target].mean()


params = initialize(3, 64, 3)
optimizer = torch.optim.Adam(params.values(), lr=0.01)
batch_size = 70
epochs = 40
for epoch in range(epochs):
    for group in optimizer.param_groups:
        group["lr"] = 0.01 * (1 - epoch / epochs)
    order = torch.randperm(len(X_train))
    epoch_loss = 0.0
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        loss = cross_entropy(forward(params, X_train[rows]), y_train[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(rows)
    if (epoch + 1) % 4 == 0:
        print(f"epoch {epoch + 1}  loss {epoch_loss / len(order):.4f}")

with torch.no_grad():
    scores = forward(params, X_test)
    print(f"test loss {cross_entropy(scores, y_test).item():.4f}")
    print(f"test accuracy = {(scores.argmax(1) == y_test).float().mean().item():.3f}")
