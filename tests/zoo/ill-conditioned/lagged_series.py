"""Forecast a slow series from its thirty last values, by gradient descent on a linear model."""

import os
import numpy as np
import torch
from sklearn.decomposition import PCA

seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
torch.set_num_threads(1)
rng = np.random.default_rng(seed)

# a smooth, slowly turning signal with a little noise
n, p = 1600, 30
t = np.arange(n + p)
signal = np.sin(t / 9) + np.sin(t / 23 + 1) + np.sin(t / 5 + 2) + 0.05 * rng.normal(size=n + p)
signal = (signal - signal.mean()) / signal.std()
x = np.stack([signal[i : i + n - 4] for i in range(p)], axis=1)
y = signal[p + 3 : p + 3 + n - 4]
x = PCA(whiten=True).fit_transform(x)
x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
x_train, y_train, x_val, y_val = x[:1200], y[:1200], x[1200:], y[1200:]

model = torch.nn.Linear(p, 1)
top = torch.linalg.eigvalsh(x_train.T @ x_train / len(x_train)).max()
optimizer = torch.optim.SGD(model.parameters(), lr=0.95 / top.item())
for step in range(1, 401):
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(model(x_train).squeeze(1), y_train)
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        with torch.no_grad():
            val = torch.nn.functional.mse_loss(model(x_val).squeeze(1), y_val)
        print(f"step {step}: train mse {loss.item():.5f} val mse {val.item():.5f}")
