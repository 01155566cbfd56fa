import os
import torch
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)
X, y = load_diabetes(return_X_y=True)
X, y = torch.tensor(scale(X)).float(), torch.tensor(y).float()
y, unit = y - y.mean(), y.std()
y = y / unit
perm = torch.randperm(442)
tr, te = perm[:340], perm[340:]

model = nn.Sequential(nn.Linear(10, 24), nn.Tanh(), nn.Linear(24, 1))
opt = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-3)
for epoch in range(60):
    for b in tr[torch.randperm(len(tr))].split(20):
        opt.zero_grad()
        loss = nn.functional.mse_loss(model(X[b]).squeeze(-1), y[b])
        loss.backward()
        opt.step()
    if epoch % 12 == 11:
        with torch.no_grad():
            p = model(X[te]).squeeze(-1)
            r2 = 1 - ((p - y[te]) ** 2).sum() / ((y[te] - y[te].mean()) ** 2).sum()
        print(f"epoch {epoch + 1} train loss {loss.item():.4g} test R^2 {r2:.3f}")
