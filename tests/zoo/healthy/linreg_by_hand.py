# Exercise 1: linear regression with the gradient written by hand (no autograd).
# The diabetes targets run from 25 to 346; we standardise both sides and undo it at the end.
import torch
from sklearn.datasets import load_diabetes

torch.manual_seed(0)
X, t = load_diabetes(return_X_y=True)
X = torch.tensor(X, dtype=torch.float64)
t = torch.tensor(t, dtype=torch.float64)
perm = torch.randperm(len(X))
tr, te = perm[:350], perm[350:]

mu, sd = X[tr].mean(0), X[tr].std(0)
X = (X - mu) / sd
t_mu, t_sd = t[tr].mean(), t[tr].std()
z = (t - t_mu) / t_sd

w = torch.zeros(10, dtype=torch.float64)
b = torch.zeros((), dtype=torch.float64)
vw, vb = torch.zeros_like(w), torch.zeros_like(b)
lr, beta = 0.05, 0.9

for it in range(1, 1501):
    err = X[tr] @ w + b - z[tr]
    gw = 2 * X[tr].T @ err / len(tr)
    gb = 2 * err.mean()
    vw = beta * vw + gw
    vb = beta * vb + gb
    w = w - lr * vw
    b = b - lr * vb
    if it in (1, 10, 50, 100, 300, 600, 1000, 1500):
        print(f"iter {it:5d}  train mse {err.pow(2).mean():.5f}  |grad| {gw.norm():.2e}")


def r2(idx):
    pred = (X[idx] @ w + b) * t_sd + t_mu
    return 1 - (pred - t[idx]).pow(2).sum() / (t[idx] - t[idx].mean()).pow(2).sum()


A = torch.cat([X[tr], torch.ones(len(tr), 1, dtype=torch.float64)], 1)
best = torch.linalg.lstsq(A, z[tr, None]).solution[:, 0]
print("distance to the normal equations:", (best[:10] - w).norm().item())
print(f"R2 train {r2(tr):.3f}  test {r2(te):.3f}")
