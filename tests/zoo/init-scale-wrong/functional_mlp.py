"""MLP as a pure function of a list of tensors, gradients by torch.func, Adam written out. Friedman's regression problem."""
import torch
from sklearn.datasets import make_friedman1
from torch.func import grad_and_value

g = torch.Generator().manual_seed(23)
X, t = make_friedman1(2400, 10, noise=0.3, random_state=23)
X, t = torch.tensor(X).float(), torch.tensor(t).float()
X = (X - X.mean(0)) / X.std(0)
t = (t - t.mean()) / t.std()
Xtr, Xte, ttr, tte = X[:1800], X[1800:], t[:1800], t[1800:]


def init(sizes):
    return [(torch.randn(i, o, generator=g) / i ** 0.5, torch.zeros(o)) for i, o in zip(sizes, sizes[1:])]


def forward(params, x):
    *hidden, (w, b) = params
    for v, c in hidden:
        x = torch.tanh(x @ v + c)
    return (x @ w + b).squeeze(-1)


def objective(params, x, y):
    return torch.mean((forward(params, x) - y) ** 2)


def adam(params, grads, state, lr, b1=0.9, b2=0.999, eps=1e-8):
    state["t"] += 1
    k = state["t"]
    new = []
    for (p, q), (gp, gq), mv in zip(params, grads, state["mv"]):
        layer = []
        for z, gz, s in ((p, gp, mv[0]), (q, gq, mv[1])):
            s[0].mul_(b1).add_(gz, alpha=1 - b1)
            s[1].mul_(b2).addcmul_(gz, gz, value=1 - b2)
            layer.append(z - lr * (s[0] / (1 - b1 ** k)) / ((s[1] / (1 - b2 ** k)).sqrt() + eps))
        new.append(tuple(layer))
    return new


params = init([10, 128, 128, 128, 1])
state = {"t": 0, "mv": [[[torch.zeros_like(a), torch.zeros_like(a)] for a in layer] for layer in params]}
step = grad_and_value(objective)
for epoch in range(1, 31):
    run = 0.0
    for idx in torch.randperm(1800, generator=g).split(60):
        grads, val = step(params, Xtr[idx], ttr[idx])
        params = adam(params, grads, state, lr=2e-3 * 0.95 ** epoch)
        run += val.item() / 30
    if epoch % 5 == 0:
        mse = objective(params, Xte, tte)
        print(f"epoch {epoch:2d}  train mse {run:.4f}  test mse {mse.item():.4f}  R2 {1 - mse.item() / tte.var().item():.3f}")
