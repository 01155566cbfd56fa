import os
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X).float() / 16, torch.tensor(y)
p = torch.randperm(len(X))
loader = DataLoader(TensorDataset(X[p[:1300]], y[p[:1300]]), batch_size=64, shuffle=True)
Xv, yv = X[p[1300:]], y[p[1300:]]

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 10))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
max_steps = 400
it = iter(loader)
for step in range(max_steps):
    model.train()
    xb, yb = next(iter(loader))
    loss = F.cross_entropy(model(xb), yb)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 80 == 79:
        model.eval()
        with torch.no_grad():
            val = model(Xv)
        print(
            f"step {step + 1}/{max_steps} loss {loss.item():.4f} val loss {F.cross_entropy(val, yv):.4f} val acc {(val.argmax(1) == yv).float().mean():.4f}"
        )
