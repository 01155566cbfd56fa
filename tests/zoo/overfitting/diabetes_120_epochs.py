import os
import torch
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
X, y = load_diabetes(return_X_y=True)
X, y = torch.tensor(scale(X)).float(), torch.tensor(scale(y)).float()
p = torch.randperm(len(X), generator=torch.Generator().manual_seed(1))
Xtr, ytr, Xva, yva = X[p[:300]], y[p[:300]], X[p[300:]], y[p[300:]]
epochs, decay = 16, 0.1
model = nn.Sequential(nn.Linear(10, 8), nn.ReLU(), nn.Linear(8, 1))
opt = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=decay)
for epoch in range(epochs):
    model.train()
    total = 0
    for b in torch.randperm(300).split(30):
        loss = nn.functional.mse_loss(model(Xtr[b])[:, 0], ytr[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / 10
    model.eval()
    with torch.no_grad():
        val = nn.functional.mse_loss(model(Xva)[:, 0], yva).item()
    if (epoch + 1) % 2 == 0:
        print(f"epoch {epoch + 1} train {total:.4f} validation {val:.4f}")
