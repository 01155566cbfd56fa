"""Diabetes progression: linear model with a Huber loss, plain full-batch gradient descent (the noise stays: R2 near 0.5)."""

import os

import torch
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from torch import nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

X, y = load_diabetes(return_X_y=True)
X_train, X_test, y_train, y_test = [
    torch.tensor(a, dtype=torch.float32) for a in train_test_split(X, y, test_size=0.25, random_state=SEED)
]
mean, std = X_train.mean(0), X_train.std(0)
X_train, X_test = (X_train - mean) / std, (X_test - mean) / std
y_mean, y_std = y_train.mean(), y_train.std()
t_train = ((y_train - y_mean) / y_std).unsqueeze(1)
t_test = ((y_test - y_mean) / y_std).unsqueeze(1)

model = nn.Linear(10, 1)
criterion = nn.HuberLoss(delta=1.0)
optimizer = torch.optim.SGD(model.parameters(), lr=0.3, weight_decay=0.01)

for iteration in range(1, 601):
    optimizer.zero_grad()
    loss = criterion(model(X_train), t_train)
    loss.backward()
    optimizer.step()
    if iteration % 60 == 0:
        with torch.no_grad():
            out = model(X_test)
        r2 = 1 - (out - t_test).pow(2).mean() / t_test.var(unbiased=False)
        print(f"iteration {iteration} train {loss.item():.4f} test {criterion(out, t_test).item():.4f} R2 {r2:.4f}")
