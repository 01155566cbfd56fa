"""Three-layer network written with plain tensors."""

import os
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
g = torch.Generator().manual_seed(int(os.environ.get("SEED", 0)))
X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X).float() / 16 - 0.3, torch.tensor(y)
perm = torch.randperm(len(X), generator=g)
Xtr, ytr, Xte, yte = X[perm[:1400]], y[perm[:1400]], X[perm[1400:]], y[perm[1400:]]


def layer(n_in, n_out):
    w = torch.randn(n_in, n_out, generator=g) / n_in ** 0.5
    return w.requires_grad_(), torch.zeros(n_out, requires_grad=True)


params = [*layer(64, 100), *layer(100, 100), *layer(100, 10)]


def net(x):
    w1, b1, w2, b2, w3, b3 = params
    h = torch.tanh(x @ w1 + b1)
    h = torch.tanh(h @ w2 + b2)
    return h @ w3 + b3


opt = torch.optim.SGD(params, lr=0.05)
for epoch in range(20):
    total = 0
    for b in torch.randperm(1400, generator=g).split(35):
        loss = F.cross_entropy(net(Xtr[b]), ytr[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / 40
    if epoch % 4 == 3:
        with torch.no_grad():
            print(f"epoch {epoch + 1} train {total:.3f} test accuracy {(net(Xte).argmax(1) == yte).float().mean():.3f}")
