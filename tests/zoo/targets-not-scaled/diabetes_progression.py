import os
import numpy as np
import torch
from sklearn.datasets import load_diabetes

torch.set_num_threads(1)
rng = np.random.default_rng(int(os.environ.get("SEED", 0)))
torch.manual_seed(int(os.environ.get("SEED", 0)))

x, y = load_diabetes(return_X_y=True)
x = (x - x.mean(0)) / x.std(0)
y = (y - y.mean()) / y.std()
perm = rng.permutation(len(x))
x = torch.tensor(x[perm], dtype=torch.float32)
y = torch.tensor(y[perm], dtype=torch.float32).unsqueeze(1)
x_train, y_train, x_val, y_val = x[:330], y[:330], x[330:], y[330:]

model = torch.nn.Sequential(
    torch.nn.Linear(10, 24),
    torch.nn.Tanh(),
    torch.nn.Linear(24, 1),
)
loss_fn = torch.nn.MSELoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)

for epoch in range(1, 41):
    for batch in torch.split(torch.randperm(330), 16):
        pred = model(x_train[batch])
        loss = loss_fn(pred, y_train[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 8 == 0:
        with torch.no_grad():
            tr = loss_fn(model(x_train), y_train).item()
            va = loss_fn(model(x_val), y_val).item()
            r2 = 1 - va / y_val.var().item()
        print(f"{epoch:4d} | train mse {tr:.4g} | val mse {va:.4g} | R2 {r2:.3f}")
