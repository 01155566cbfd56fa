"""Which digit? One output, rounded."""

import os
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
d = load_digits()
X = torch.tensor(d.data).float() / 16
y = torch.tensor(d.target)
p = torch.randperm(len(X))
N_OUT = 10


def loss_fn(out, t):
    if N_OUT == 1:
        return nn.functional.mse_loss(out.squeeze(1), t.float())
    return nn.functional.cross_entropy(out, t)


def predict(out):
    return out.squeeze(1).round().long() if N_OUT == 1 else out.argmax(1)


model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, N_OUT))
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
loader = DataLoader(TensorDataset(X[p[:1400]], y[p[:1400]]), batch_size=40, shuffle=True)
for epoch in range(20):
    for xb, yb in loader:
        loss = loss_fn(model(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 4 == 3:
        with torch.no_grad():
            acc = (predict(model(X[p[1400:]])) == y[p[1400:]]).float().mean()
        print(f"epoch {epoch + 1} loss {loss.item():.4f} accuracy {acc:.4f}")
