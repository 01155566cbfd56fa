"""Assignment 4: write softmax + cross-entropy as an autograd Function, train an MLP with it."""
import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
np.random.seed(SEED)


class SoftmaxCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, scores, target):
        shifted = scores - scores.max(dim=1, keepdim=True).values
        probs = shifted.exp()
        probs = probs / probs.sum(dim=1, keepdim=True)
        ctx.save_for_backward(probs, target)
        picked = probs[torch.arange(len(target)), target]
        return -torch.log(picked + 1e-12).mean()

    @staticmethod
    def backward(ctx, grad_output):
        probs, target = ctx.saved_tensors
        n = len(target)
        grad = probs.clone()
        grad[torch.arange(n), target] -= 1.0
        return grad_output * grad / n, None


class SoftmaxLoss(nn.Module):
    def forward(self, scores, target):
        return SoftmaxCrossEntropy.apply(scores, target)


def get_data(n=6000):
    X, y = make_classification(
        n_samples=n, n_features=16, n_informative=10, n_redundant=2, n_classes=5,
        n_clusters_per_class=2, class_sep=1.8, flip_y=0.02, random_state=SEED + 7,
    )
    X = X.astype(np.float32)
    split = int(0.8 * n)
    mu, sd = X[:split].mean(0), X[:split].std(0)
    X = torch.from_numpy((X - mu) / sd)
    y = torch.from_numpy(y).long()
    return X[:split], y[:split], X[split:], y[split:]


def accuracy(model, X, y):
    model.eval()
    with torch.no_grad():
        return (model(X).argmax(dim=1) == y).float().mean().item()


X_train, y_train, X_test, y_test = get_data()
model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 5))
criterion = SoftmaxLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.02)
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [10, 15], gamma=0.2)

for epoch in range(1, 19):
    model.train()
    losses = []
    for idx in torch.randperm(len(X_train)).split(100):
        optimizer.zero_grad()
        loss = criterion(model(X_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    if epoch % 3 == 0:
        model.eval()
        with torch.no_grad():
            val = criterion(model(X_test), y_test).item()
        print(f"epoch {epoch:2d} loss {np.mean(losses):.3f} val {val:.3f} test acc {accuracy(model, X_test, y_test):.3f}")
