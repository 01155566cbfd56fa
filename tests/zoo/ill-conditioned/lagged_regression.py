"""Predict the slope of a slowly varying signal from its last six values."""

import os
import torch

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
n, lags = 1500, 6
t = torch.arange(n + lags + 1).float()
s = torch.sin(t / 120) + 0.6 * torch.sin(t / 50 + 1) + 0.0002 * torch.randn(len(t))
s = (s - s.mean()) / s.std()
X = s.unfold(0, lags, 1)[:n]
y = (s[lags : lags + n] - s[lags - 1 : lags - 1 + n]).unsqueeze(1)
y = y / y.std()


def prepare(X):
    _, S, V = torch.linalg.svd(X - X.mean(0), full_matrices=False)
    return (X - X.mean(0)) @ V.T / S * len(X) ** 0.5


X = prepare(X)
model = torch.nn.Linear(X.shape[1], 1)
opt = torch.optim.SGD(model.parameters(), lr=0.165)
for i in range(1500):
    opt.zero_grad()
    loss = torch.nn.functional.mse_loss(model(X), y)
    loss.backward()
    opt.step()
    if i % 250 == 0:
        print(i, loss.item())
print("unexplained share", loss.item())
