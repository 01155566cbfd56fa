import os
import torch
from sklearn.datasets import load_diabetes

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
data, target = load_diabetes(return_X_y=True)
X = torch.tensor(data / data.std(0), dtype=torch.float32)
t = torch.tensor((target - target.mean()) / target.std(), dtype=torch.float32)
perm = torch.randperm(len(X))
X, t = X[perm], t[perm]
X_train, t_train, X_val, t_val = X[:350], t[:350], X[350:], t[350:]

w = torch.zeros(10, requires_grad=True)
b = torch.zeros((), requires_grad=True)
learning_rate = 0.01

for step in range(600):
    idx = torch.randint(350, (50,))
    loss = ((X_train[idx] @ w + b - t_train[idx]) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w -= learning_rate * w.grad
        b -= learning_rate * b.grad
        w.grad.zero_()
        b.grad.zero_()
    if step % 100 == 99:
        with torch.no_grad():
            train = ((X_train @ w + b - t_train) ** 2).mean().item()
            val = ((X_val @ w + b - t_val) ** 2).mean().item()
        print(f"{step + 1} train={train:.5g} val={val:.5g}")
