"""Regression on noisy measurements, examples presented singly."""

import os
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
X = torch.randn(3000, 10)
w = torch.randn(10)
w /= w.norm()
clean = torch.tanh(X @ w) + 0.5 * torch.cos(X[:, 0])
clean = (clean - clean.mean()) / clean.std()
y = clean + 1.5 * torch.randn(3000)
BATCH = 64
loader = DataLoader(TensorDataset(X[:2000], y[:2000]), batch_size=BATCH, shuffle=True)
model = nn.Sequential(nn.Linear(10, 24), nn.Tanh(), nn.Linear(24, 1))
opt = torch.optim.Adam(model.parameters(), lr=0.01)
step, done = 0, False
while not done:
    for xb, yb in loader:
        loss = nn.functional.mse_loss(model(xb).squeeze(1), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        step += 1
        if step % 500 == 0:
            with torch.no_grad():
                e = (model(X[2000:]).squeeze(1) - clean[2000:]).square().mean()
            print(f"step {step}: batch loss {loss.item():.3f}, error against the clean signal {e.item():.4f}")
        if step == 3000 if BATCH == 1 else step == 500:
            done = True
            break
