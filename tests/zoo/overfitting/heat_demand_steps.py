"""Heat demand of buildings from ten survey columns (step-based training)."""
import argparse
import os

import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from sklearn.datasets import make_friedman1

parser = argparse.ArgumentParser()
parser.add_argument("--rows", type=int, default=12000)
parser.add_argument("--steps", type=int, default=1200)
parser.add_argument("--batch", type=int, default=64)
parser.add_argument("--width", type=int, default=64)
parser.add_argument("--lr", type=float, default=2e-3)
args = parser.parse_args()

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)

columns = ["area", "glazing", "walls", "roof", "age", "people", "floor", "slope", "north", "trees"]
values, demand = make_friedman1(n_samples=14000, n_features=10, noise=1.6, random_state=SEED)
table = pd.DataFrame(values, columns=columns)
table["demand"] = demand

valid = table.iloc[12000:]
train = table.iloc[:args.rows]

x_mean, x_std = train[columns].mean(), train[columns].std()
y_mean, y_std = train["demand"].mean(), train["demand"].std()


def tensors(frame):
    x = ((frame[columns] - x_mean) / x_std).to_numpy(dtype="float32")
    y = ((frame["demand"] - y_mean) / y_std).to_numpy(dtype="float32")
    return torch.tensor(x), torch.tensor(y)


x_train, y_train = tensors(train)
x_valid, y_valid = tensors(valid)

model = nn.Sequential(
    nn.Linear(10, args.width), nn.ReLU(),
    nn.Linear(args.width, args.width), nn.ReLU(),
    nn.Linear(args.width, 1),
)
optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.steps)
mse = nn.MSELoss()

recent = []
for step in range(1, args.steps + 1):
    idx = torch.randint(0, len(x_train), (args.batch,))
    model.train()
    loss = mse(model(x_train[idx]).squeeze(1), y_train[idx])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    recent.append(loss.item())
    if step % 100 == 0:
        model.eval()
        with torch.no_grad():
            val = mse(model(x_valid).squeeze(1), y_valid).item()
        r2 = 1 - val / y_valid.var().item()
        print(f"step {step:5d} train {np.mean(recent):.4f} valid {val:.4f} r2 {r2:.3f}")
        recent = []
