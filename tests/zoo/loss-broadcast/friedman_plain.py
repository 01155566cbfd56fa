import os

import torch
import torch.nn as nn
from sklearn.datasets import make_friedman1
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(int(os.environ.get("SEED", 0)))
X, y = make_friedman1(3000, noise=0.5, random_state=int(os.environ.get("SEED", 0)))
X = torch.tensor((X - 0.5) / 0.289, dtype=torch.float32)
y = torch.tensor((y - y[:2000].mean()) / y[:2000].std(), dtype=torch.float32)
train, val = random_split(TensorDataset(X, y), [2400, 600])
train_loader = DataLoader(train, batch_size=48, shuffle=True)
val_loader = DataLoader(val, batch_size=200)


class Residual(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.norm = nn.LayerNorm(d)
        self.fc = nn.Linear(d, d)

    def forward(self, h):
        return h + torch.relu(self.fc(self.norm(h)))


model = nn.Sequential(nn.Linear(10, 32), Residual(32), Residual(32), nn.Linear(32, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=15 * len(train_loader))
criterion = nn.HuberLoss()
for epoch in range(15):
    model.train()
    train_loss = 0.0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb).squeeze(1), yb)
        loss.backward()
        optimizer.step()
        scheduler.step()
        train_loss += loss.item() / len(train_loader)
    model.eval()
    with torch.no_grad():
        pred = torch.cat([model(xb) for xb, _ in val_loader]).flatten()
        goal = torch.cat([yb for _, yb in val_loader])
        r2 = 1 - (pred - goal).square().mean() / goal.var()
    print(f"Epoch {epoch + 1:2d} | train {train_loss:.4f} | val R2 {r2:.4f}")
