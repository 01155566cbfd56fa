import os

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

SEED = int(os.environ.get("SEED", 0))


class NeuralSVM(torch.nn.Module):
    """a hidden layer under a linear maximum-margin classifier"""

    def __init__(self, d, hidden=32):
        super().__init__()
        self.hidden = torch.nn.Linear(d, hidden)
        self.margin = torch.nn.Linear(hidden, 1)

    def forward(self, x):
        return self.margin(torch.relu(self.hidden(x))).squeeze(-1)


def squared_hinge(score, y):
    return torch.clamp(1 - y * score, min=0).pow(2).mean()


def encode(target):
    return torch.tensor(2 * target.astype(np.float32) - 1)


def fit(net, X, y, epochs=50, batch_size=16, lr=0.02, l2=1e-3):
    opt = torch.optim.Adagrad(net.parameters(), lr=lr)
    history = []
    for _ in range(epochs):
        net.train()
        order = torch.randperm(len(X))
        total = 0.0
        for idx in torch.split(order, batch_size):
            loss = squared_hinge(net(X[idx]), y[idx]) + l2 * net.margin.weight.pow(2).sum()
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx)
        history.append(total / len(X))
    return history


if __name__ == "__main__":
    torch.manual_seed(SEED)
    data = load_breast_cancer()
    Xtr, Xte, ttr, tte = train_test_split(
        data.data, data.target, test_size=0.3, stratify=data.target, random_state=SEED
    )
    scaler = StandardScaler().fit(Xtr)
    Xtr = torch.tensor(scaler.transform(Xtr), dtype=torch.float32)
    Xte = torch.tensor(scaler.transform(Xte), dtype=torch.float32)
    net = NeuralSVM(Xtr.shape[1])
    hist = fit(net, Xtr, encode(ttr))
    net.eval()
    with torch.no_grad():
        score = net(Xte).numpy()
    print("hinge by epoch:", " ".join(f"{h:.3f}" for h in hist[::7]))
    print(f"test accuracy {np.mean((score > 0) == (tte == 1)):.3f}")
