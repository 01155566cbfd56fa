"""Digits exported as one .npy file per scan, labels in a csv: read both and train an MLP."""

import csv
import os
import tempfile

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset

SEED = int(os.environ.get("SEED", 0))


def export(folder):
    """What the scanner software leaves behind."""
    digits = load_digits()
    with open(os.path.join(folder, "labels.csv"), "w", newline="") as f:
        writer = csv.writer(f)
        writer.writerow(["scan", "digit"])
        for i, (image, label) in enumerate(zip(digits.images, digits.target)):
            np.save(os.path.join(folder, f"scan_{i}.npy"), image.astype(np.float32))
            writer.writerow([i, label])


class ScanDataset(Dataset):
    def __init__(self, folder):
        self.files = sorted((f for f in os.listdir(folder) if f.endswith(".npy")), key=lambda f: int(f[5:-4]))
        with open(os.path.join(folder, "labels.csv")) as f:
            self.labels = [int(row["digit"]) for row in csv.DictReader(f)]
        self.images = [torch.from_numpy(np.load(os.path.join(folder, f))) for f in self.files]

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        return (self.images[i].flatten() - 4.88) / 6.02, self.labels[i]


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(64, 32)
        self.drop = nn.Dropout(0.2)
        self.out = nn.Linear(32, 10)

    def forward(self, x):
        return self.out(self.drop(torch.relu(self.hidden(x))))


def loop(model, loader, loss_fn, optimizer=None):
    total, correct, count = 0.0, 0, 0
    for x, y in loader:
        logits = model(x)
        loss = loss_fn(logits, y)
        if optimizer:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        total += loss.item() * len(y)
        correct += (logits.argmax(1) == y).sum().item()
        count += len(y)
    return total / count, correct / count


with tempfile.TemporaryDirectory() as folder:
    export(folder)
    data = ScanDataset(folder)

torch.manual_seed(SEED)
order = torch.randperm(len(data)).tolist()
train_loader = DataLoader(Subset(data, order[:1350]), batch_size=32, shuffle=True)
valid_loader = DataLoader(Subset(data, order[1350:]), batch_size=64)

model = MLP()
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20)
for epoch in range(20):
    model.train()
    train_loss, _ = loop(model, train_loader, loss_fn, optimizer)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        valid_loss, valid_acc = loop(model, valid_loader, loss_fn)
    print(f"{epoch + 1:2d} train_loss={train_loss:.4f} valid_loss={valid_loss:.4f} valid_acc={valid_acc:.4f}")
