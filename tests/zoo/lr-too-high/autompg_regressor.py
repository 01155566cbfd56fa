import os
import sys

import numpy as np
import torch
import torch.nn as nn
from mlxtend.data import autompg_data

SEED = int(os.environ.get("SEED", 0))


class Regressor:
    def __init__(self, n_features, hidden=32, lr=0.01, momentum=0.9, batch_size=32, epochs=80):
        self.net = nn.Sequential(
            nn.Linear(n_features, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 1),
        )
        self.opt = torch.optim.SGD(self.net.parameters(), lr=lr, momentum=momentum, weight_decay=1e-3)
        self.sched = torch.optim.lr_scheduler.CosineAnnealingLR(self.opt, epochs)
        self.batch_size, self.epochs = batch_size, epochs

    def fit(self, X, y, verbose=10):
        for epoch in range(self.epochs):
            self.net.train()
            perm = torch.randperm(len(X))
            total = 0.0
            for start in range(0, len(X), self.batch_size):
                idx = perm[start : start + self.batch_size]
                self.opt.zero_grad()
                loss = nn.functional.mse_loss(self.net(X[idx]), y[idx])
                loss.backward()
                self.opt.step()
                total += loss.item() * len(idx)
            self.sched.step()
            if verbose and (epoch + 1) % verbose == 0:
                print(f"epoch {epoch + 1}: mse {total / len(X):.4f}", file=sys.stdout)
        return self

    @torch.no_grad()
    def predict(self, X):
        self.net.eval()
        return self.net(X)


def main():
    torch.manual_seed(SEED)
    X, y = autompg_data()
    X = X[:, :7]  # the eighth column is the name of the car
    rng = np.random.default_rng(SEED)
    order = rng.permutation(len(X))
    X, y = X[order].astype(np.float32), y[order].astype(np.float32)
    n = int(0.8 * len(X))
    mx, sx, my, sy = X[:n].mean(0), X[:n].std(0), y[:n].mean(), y[:n].std()
    X = torch.from_numpy((X - mx) / sx)
    y = torch.from_numpy((y - my) / sy).unsqueeze(1)
    model = Regressor(X.shape[1]).fit(X[:n], y[:n])
    err = (model.predict(X[n:]) - y[n:]) * float(sy)
    print(f"test RMSE {err.pow(2).mean().sqrt().item():.2f} mpg (std {float(sy):.2f})")


main()
