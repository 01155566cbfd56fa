"""Digits with gradient accumulation (small memory, large effective batch)."""

import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

config = {
    "micro_batch": 12,
    "accumulate": 4,
    "epochs": 15,
    "lr": 0.015,
    "momentum": 0.9,
}


class ResidualBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, width)
        self.fc2 = nn.Linear(width, width)

    def forward(self, x):
        return x + self.fc2(F.relu(self.fc1(self.norm(x))))


X, y = load_digits(return_X_y=True)
X = (X - 8.0) / 8.0
X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.25, stratify=y, random_state=SEED)
to_set = lambda a, b: TensorDataset(torch.tensor(a, dtype=torch.float32), torch.tensor(b))
train_loader = DataLoader(to_set(X_tr, y_tr), batch_size=config["micro_batch"], shuffle=True, drop_last=True)
test_loader = DataLoader(to_set(X_te, y_te), batch_size=150)

net = nn.Sequential(nn.Linear(64, 40), ResidualBlock(40), ResidualBlock(40), nn.LayerNorm(40), nn.Linear(40, 10))
opt = torch.optim.SGD(net.parameters(), lr=config["lr"], momentum=config["momentum"], weight_decay=1e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=config["epochs"])

for epoch in range(config["epochs"]):
    net.train()
    epoch_loss = 0.0
    opt.zero_grad()
    for i, (xb, yb) in enumerate(train_loader):
        ce = F.cross_entropy(net(xb), yb)
        (ce / config["accumulate"]).backward()
        epoch_loss += ce.item()
        if (i + 1) % config["accumulate"] == 0:
            opt.step()
            opt.zero_grad()
    sched.step()

    net.eval()
    hits, val = 0, 0.0
    with torch.no_grad():
        for xb, yb in test_loader:
            out = net(xb)
            hits += (out.argmax(1) == yb).sum().item()
            val += F.cross_entropy(out, yb, reduction="sum").item()
    print(
        f"epoch {epoch:2d}: loss {epoch_loss / len(train_loader):.4f}, "
        f"val loss {val / len(y_te):.4f}, val acc {hits / len(y_te):.4f}"
    )
