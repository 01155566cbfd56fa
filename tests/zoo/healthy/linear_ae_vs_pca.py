"""Deep linear autoencoder recovers the principal subspace: a check against scikit-learn's PCA."""
import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.decomposition import PCA
from torch.utils.data import DataLoader

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

DIM, RANK, N = 30, 5, 2500
mixing = rng.normal(size=(RANK, DIM))
X = rng.normal(size=(N, RANK)) @ mixing + 0.3 * rng.normal(size=(N, DIM))
X = ((X - X.mean(0)) / X.std(0)).astype(np.float32)
train, test = X[:2000], X[2000:]


class LinearAE(nn.Module):
    def __init__(self, dim, code):
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(dim, 16, bias=False), nn.Linear(16, code, bias=False))
        self.decode = nn.Sequential(nn.Linear(code, 16, bias=False), nn.Linear(16, dim, bias=False))

    def forward(self, x):
        return self.decode(self.encode(x))


model = LinearAE(DIM, RANK)
loader = DataLoader(torch.from_numpy(train), batch_size=50, shuffle=True)
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
EPOCHS = 24
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
for epoch in range(EPOCHS):
    total = 0.0
    for x in loader:
        optimizer.zero_grad()
        loss = ((model(x) - x) ** 2).mean()
        loss.backward()
        optimizer.step()
        total += loss.item()
    scheduler.step()
    if epoch % 3 == 2:
        print(f"epoch {epoch + 1} reconstruction error {total / len(loader):.4f}")

pca = PCA(RANK).fit(train)
pca_error = ((pca.inverse_transform(pca.transform(test)) - test) ** 2).mean()
with torch.no_grad():
    x = torch.from_numpy(test)
    ae_error = ((model(x) - x) ** 2).mean().item()
print(f"test error: autoencoder {ae_error:.4f}, PCA {pca_error:.4f}, ratio to PCA {ae_error / pca_error:.3f}")
