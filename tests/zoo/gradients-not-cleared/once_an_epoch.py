"""Housing values with a two-layer network."""

import argparse
import os
import torch
from torch import nn
from mlxtend.data import boston_housing_data

cli = argparse.ArgumentParser()
cli.add_argument("--seed", type=int, default=os.environ.get("SEED", "0"))
torch.manual_seed(cli.parse_args().seed)
torch.set_num_threads(1)

x, y = boston_housing_data()
x = torch.tensor((x - x.mean(0)) / x.std(0), dtype=torch.float32)
y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32).reshape(-1, 1)
shuffle = torch.randperm(506)
x, y = x[shuffle], y[shuffle]
x, xv, y, yv = x[:400], x[400:], y[:400], y[400:]

mlp = nn.Sequential(nn.Linear(13, 20), nn.ReLU(), nn.Linear(20, 1))
mse = nn.MSELoss()
opt = torch.optim.SGD(mlp.parameters(), lr=0.06, weight_decay=5e-3)
for epoch in range(40):
    for i in torch.randperm(400).split(20):
        opt.zero_grad()
        loss = mse(mlp(x[i]), y[i])
        loss.backward()
        opt.step()
    if epoch % 8 == 7:
        with torch.no_grad():
            v = mse(mlp(xv), yv).item()
            print(f"epoch {epoch + 1}: train={mse(mlp(x), y).item():.4g} val={v:.4g} R2={1 - v / yv.var().item():.3f}")
