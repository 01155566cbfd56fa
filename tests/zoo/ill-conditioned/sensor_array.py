# 16 neighbouring thermometers; the heat flux depends on the small differences between them
import os

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SEED = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

N, D = 3000, 16
room = rng.normal(20.0, 4.0, (N, 1))
local = rng.normal(0.0, 0.15, (N, D))
X = room + local
w = rng.normal(0, 1, D)
w -= w.mean()
flux = local @ w + 0.05 * (room[:, 0] - 20) + rng.normal(0, 0.06, N)

Xtr, Xte, ytr, yte = train_test_split(X, flux, test_size=0.25, random_state=SEED)
prep = make_pipeline(StandardScaler(), PCA(whiten=True))
Xtr = torch.tensor(prep.fit_transform(Xtr), dtype=torch.float32)
Xte = torch.tensor(prep.transform(Xte), dtype=torch.float32)
m, s = ytr.mean(), ytr.std()
ytr = torch.tensor((ytr - m) / s, dtype=torch.float32)
yte = torch.tensor((yte - m) / s, dtype=torch.float32)

model = torch.nn.Linear(D, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

for epoch in range(60):
    total = 0.0
    for idx in torch.randperm(len(Xtr)).split(64):
        error = model(Xtr[idx]).squeeze(1) - ytr[idx]
        loss = error.pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    if epoch % 6 == 5:
        with torch.no_grad():
            mse = (model(Xte).squeeze(1) - yte).pow(2).mean().item()
        print(f"epoch {epoch + 1:3d}: train {total / len(Xtr):.4f}  R2 {1 - mse / yte.var().item():.4f}")
