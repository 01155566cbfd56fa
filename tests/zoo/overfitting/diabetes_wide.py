import copy
import os
import torch
from torch import nn
from sklearn.datasets import load_diabetes

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)

x, y = load_diabetes(return_X_y=True)
x = torch.tensor(x / x.std(0), dtype=torch.float32)
y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32)[:, None]
perm = torch.randperm(len(x))
x_train, y_train, x_val, y_val = x[perm[:300]], y[perm[:300]], x[perm[300:]], y[perm[300:]]

model = nn.Sequential(nn.Linear(10, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
mse = nn.MSELoss()
best, stale = float("inf"), 0
for epoch in range(150):
    for b in torch.randperm(300).split(30):
        optimizer.zero_grad()
        mse(model(x_train[b]), y_train[b]).backward()
        optimizer.step()
    with torch.no_grad():
        train, val = mse(model(x_train), y_train).item(), mse(model(x_val), y_val).item()
    if epoch % 10 == 0:
        print(f"epoch {epoch}: train {train:.4f} val {val:.4f}")
    if val < best - 1e-3:
        best, stale, kept = val, 0, copy.deepcopy(model.state_dict())
    else:
        stale += 1
    if stale == 4:
        break
model.load_state_dict(kept)
with torch.no_grad():
    print(f"final train {mse(model(x_train), y_train).item():.4f}, final val {mse(model(x_val), y_val).item():.4f}")
