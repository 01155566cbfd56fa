import copy
import os

import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes

torch.manual_seed(int(os.environ.get("SEED", 0)))

X, y = load_diabetes(return_X_y=True)
X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
perm = torch.randperm(len(X))
train, val, test = perm[:242], perm[242:342], perm[342:]
X = (X - X[train].mean(0)) / X[train].std(0)
y = (y - y[train].mean()) / y[train].std()


class EarlyStopping:
    def __init__(self, patience):
        self.patience = patience
        self.best, self.bad, self.state = float("inf"), 0, None

    def __call__(self, value, model):
        if self.patience is None:
            return False
        if value < self.best:
            self.best, self.bad, self.state = value, 0, copy.deepcopy(model.state_dict())
        else:
            self.bad += 1
        if self.bad > self.patience:
            model.load_state_dict(self.state)
            return True
        return False


model = nn.Sequential(nn.Linear(10, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 1), nn.Flatten(0))
opt = torch.optim.Adam(model.parameters(), lr=5e-4)
stopper = EarlyStopping(patience=8)
mse = nn.MSELoss()
for epoch in range(200):
    for idx in train[torch.randperm(len(train))].split(22):
        opt.zero_grad()
        mse(model(X[idx]), y[idx]).backward()
        opt.step()
    with torch.no_grad():
        tl, vl = mse(model(X[train]), y[train]).item(), mse(model(X[val]), y[val]).item()
    if epoch < 10 or epoch % 20 == 19:
        print(f"epoch {epoch + 1} train {tl:.4f} val {vl:.4f}")
    if stopper(vl, model):
        print(f"stopped after epoch {epoch + 1}, best val {stopper.best:.4f}")
        break
with torch.no_grad():
    print(f"test mse {mse(model(X[test]), y[test]).item():.4f}")
