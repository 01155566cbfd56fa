import os

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
np.random.seed(SEED)


class DropNet(nn.Module):
    def __init__(self, width=128, p=0.5):
        super().__init__()
        self.fc1 = nn.Linear(64, width)
        self.fc2 = nn.Linear(width, width)
        self.fc3 = nn.Linear(width, 10)
        self.drop = nn.Dropout(p)

    def forward(self, x):
        x = self.drop(F.relu(self.fc1(x)))
        x = self.drop(F.relu(self.fc2(x)))
        return self.fc3(x)


def make_loaders(batch_size=32):
    X, y = load_digits(return_X_y=True)
    X = (X - 4.9) / 6.0
    parts = train_test_split(X, y, test_size=0.2, stratify=y, random_state=SEED)
    Xtr, Xte, ytr, yte = [torch.tensor(a) for a in parts]
    return {
        "train": DataLoader(TensorDataset(Xtr.float(), ytr), batch_size, shuffle=True),
        "test": DataLoader(TensorDataset(Xte.float(), yte), 120),
    }


def run_epoch(model, loader, optimizer=None):
    training = optimizer is not None
    model.train(training)
    loss_sum, hits, n = 0.0, 0, 0
    for x, y in loader:
        with torch.set_grad_enabled(training):
            out = model(x)
            loss = F.cross_entropy(out, y)
        if training:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        loss_sum += loss.item() * len(y)
        hits += (out.argmax(1) == y).sum().item()
        n += len(y)
    return loss_sum / n, hits / n


loaders = make_loaders()
model = DropNet()
optimizer = torch.optim.Adam(model.parameters(), lr=1.5e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 30)
for epoch in range(30):
    train_loss, train_acc = run_epoch(model, loaders["train"], optimizer)
    test_loss, test_acc = run_epoch(model, loaders["test"])
    scheduler.step()
    if epoch % 3 == 2:
        print(f"{epoch + 1:3d} train {train_loss:.3f} ({train_acc:.3f}) test {test_loss:.3f} ({test_acc:.3f})")
