"""Benchmark regression (Friedman #1) with a configurable MLP."""
import numpy as np
import torch
from sklearn.datasets import make_friedman1
from sklearn.preprocessing import StandardScaler
from torch import nn


def mlp(sizes, act=nn.ReLU, p=0.0):
    layers = []
    for a, b in zip(sizes[:-1], sizes[1:]):
        layers += [nn.Linear(a, b), act()]
        if p > 0:
            layers.append(nn.Dropout(p))
    return nn.Sequential(*layers[:-1])


def r2(pred, y):
    return 1 - ((pred - y) ** 2).sum().item() / ((y - y.mean()) ** 2).sum().item()


def main(seed=7):
    torch.manual_seed(seed)
    x, y = make_friedman1(3000, n_features=10, noise=0.5, random_state=seed)
    xs, ys = StandardScaler(), StandardScaler()
    xtr = torch.tensor(xs.fit_transform(x[:2400]), dtype=torch.float32)
    ytr = torch.tensor(ys.fit_transform(y[:2400, None]), dtype=torch.float32)
    xte = torch.tensor(xs.transform(x[2400:]), dtype=torch.float32)
    yte = torch.tensor(ys.transform(y[2400:, None]), dtype=torch.float32)

    net = mlp([10, 64, 64, 1])
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)
    loss_fn = nn.MSELoss()
    for epoch in range(1, 41):
        losses = []
        for idx in torch.randperm(len(xtr)).split(64):
            loss = loss_fn(net(xtr[idx]), ytr[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        if epoch % 8 == 0:
            with torch.no_grad():
                score = r2(net(xte), yte)
            print(f"epoch {epoch:3d} train mse {np.mean(losses):.4f} test R2 {score:.4f}")


main()
