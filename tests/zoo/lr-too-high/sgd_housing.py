import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from mlxtend.data import boston_housing_data

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


def standardise(a):
    return (a - a.mean(0)) / a.std(0)


x, y = (standardise(torch.tensor(a, dtype=torch.float32)) for a in boston_housing_data())
perm = torch.randperm(len(x))
train, valid = perm[:400], perm[400:]
model = nn.Sequential(nn.Linear(13, 12), nn.ReLU(), nn.Linear(12, 1), nn.Flatten(0))
opt = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.5, weight_decay=1e-2)

for epoch in range(30):
    for b in train[torch.randperm(400)].split(16):
        loss = F.mse_loss(model(x[b]), y[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 5 == 4:
        with torch.no_grad():
            print(
                f"epoch {epoch + 1} train {F.mse_loss(model(x[train]), y[train]).item():.4g} valid {F.mse_loss(model(x[valid]), y[valid]).item():.4g}"
            )
