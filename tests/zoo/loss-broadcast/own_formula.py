# linear regression + one hidden layer, written out
import os
import sys
import numpy as np
import torch
from mlxtend.data import boston_housing_data

torch.set_num_threads(1)
seed = int(sys.argv[-1]) if len(sys.argv) > 1 else int(os.environ.get("SEED", 0))
np.random.seed(seed)
torch.manual_seed(seed)

X, y = boston_housing_data()
y = (y - y.mean()) / y.std()
X = (X - X.mean(0)) / X.std(0)
data = np.column_stack([X, y]).astype("float32")
np.random.shuffle(data)
X, y = torch.from_numpy(data[:, :-1]), torch.from_numpy(data[:, -1])
X_tr, y_tr, X_te, y_te = X[:400], y[:400], X[400:], y[400:]

W = (torch.randn(13, 16) / 13**0.5).requires_grad_()
b = torch.zeros(16, requires_grad=True)
v = (torch.randn(16) / 4).requires_grad_()
c = torch.zeros(1, requires_grad=True)


def model(x):
    return torch.relu(x @ W + b) @ v + c


def mse(pred, target):
    return ((pred - target) ** 2).mean()


optimizer = torch.optim.Adam([W, b, v, c], lr=0.005, weight_decay=5e-3)
for it in range(1, 501):
    rows = np.random.choice(400, 40, replace=False)
    optimizer.zero_grad()
    l = mse(model(X_tr[rows]), y_tr[rows])
    l.backward()
    optimizer.step()
    if it % 100 == 0:
        with torch.no_grad():
            test = model(X_te)
            print(
                "iter",
                it,
                "train",
                round(mse(model(X_tr), y_tr).item(), 4),
                "test",
                round(mse(test, y_te).item(), 4),
                "test error in variances",
                round(float(np.mean((test.numpy() - data[400:, -1]) ** 2)), 4),
            )
