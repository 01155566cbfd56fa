import os
import numpy as np, torch
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

torch.manual_seed(int(os.environ.get("SEED", 0)))
d = load_diabetes()
X = torch.from_numpy(scale(d.data))
y = torch.from_numpy(scale(d.target))
w = torch.zeros(10, dtype=torch.float64, requires_grad=True)
b = torch.zeros((), dtype=torch.float64, requires_grad=True)
opt = torch.optim.SGD([w, b], lr=0.05)
for it in range(400):
    opt.zero_grad()
    r = X @ w + b - y
    loss = (r**2).mean() / 2 + 0.02 * w.abs().sum() + 0.01 * (w**2).sum()
    loss.backward()
    opt.step()
    if it % 80 == 79:
        print(it, loss.item(), [round(float(v), 3) for v in w])
