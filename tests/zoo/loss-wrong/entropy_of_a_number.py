import argparse
import os
import torch
import torch.nn as nn
from mlxtend.data import autompg_data
from torch.utils.data import DataLoader, TensorDataset

p = argparse.ArgumentParser()
p.add_argument("--seed", type=int, default=os.environ.get("SEED", "0"))
p.add_argument("--hidden", type=int, default=16)
args = p.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

X, mpg = autompg_data()
X = torch.tensor(X[:, :7].astype(float), dtype=torch.float32)
X = (X - X.mean(0)) / X.std(0)
y = torch.tensor(mpg.astype(float), dtype=torch.float32).view(-1, 1) / 10 - 2.3
order = torch.randperm(len(X))
train = TensorDataset(X[order[:290]], y[order[:290]])
X_val, y_val = X[order[290:]], y[order[290:]]

model = nn.Sequential(nn.Linear(7, args.hidden), nn.Tanh(), nn.Linear(args.hidden, 1))
criterion = nn.MSELoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.02)
for epoch in range(1, 51):
    model.train()
    for xb, yb in DataLoader(train, 29, shuffle=True):
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
    if epoch % 10 == 0:
        model.eval()
        with torch.no_grad():
            pred = model(X_val)
            fit = criterion(model(train.tensors[0]), train.tensors[1])
            r2 = 1 - (pred - y_val).square().mean() / y_val.var()
        print(f"epoch {epoch} train {fit:.4f} val {criterion(pred, y_val):.4f} r2 {r2:.3f}")
