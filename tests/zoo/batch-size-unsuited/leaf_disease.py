"""Leaf spots: tell healthy, rust, mildew and blight apart on small RGB patches (drawn), conv net with batch norm."""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
np.random.seed(seed)

BATCH_SIZE = 16
EPOCHS = 5


class LeafPatches(Dataset):
    def __init__(self, n, seed, size=16):
        rng = np.random.default_rng(seed)
        self.labels = rng.integers(0, 4, n)
        images = np.zeros((n, 3, size, size), dtype=np.float32)
        gy, gx = np.mgrid[:size, :size]
        for i, label in enumerate(self.labels):
            leaf = np.array([0.25, 0.5, 0.2]) * rng.uniform(0.7, 1.3)
            image = np.repeat(leaf[:, None, None], size, 1).repeat(size, 2)
            for _ in range(rng.integers(2, 5) if label else 0):
                cy, cx = rng.uniform(2, size - 2, 2)
                r = rng.uniform(1.2, 2.2)
                d = np.hypot(gy - cy, gx - cx)
                if label == 1:
                    spot, colour = d < r, np.array([0.55, 0.35, 0.15])
                elif label == 2:
                    spot, colour = d < r, np.array([0.5, 0.55, 0.45])
                else:
                    spot, colour = (d < r + 0.8) & (d > r - 0.6), np.array([0.55, 0.35, 0.15])
                image[:, spot] = colour[:, None] * rng.uniform(0.85, 1.15)
            images[i] = image + rng.normal(0, 0.05, image.shape)
        self.images = (images - 0.35) / 0.18

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return torch.from_numpy(self.images[i]), int(self.labels[i])


def block(cin, cout):
    return nn.Sequential(nn.Conv2d(cin, cout, 3, padding=1, bias=False), nn.BatchNorm2d(cout), nn.ReLU())


class LeafNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(block(3, 16), nn.MaxPool2d(2), block(16, 32), nn.MaxPool2d(2))
        self.fc = nn.Linear(32 * 16, 64)
        self.bn = nn.BatchNorm1d(64)
        self.out = nn.Linear(64, 4)

    def forward(self, x):
        x = self.features(x).flatten(1)
        return self.out(F.relu(self.bn(self.fc(x))))


train_loader = DataLoader(LeafPatches(1200, seed), batch_size=BATCH_SIZE, shuffle=True, drop_last=True)
test_loader = DataLoader(LeafPatches(500, seed + 1000), batch_size=100)

model = LeafNet()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=EPOCHS * len(train_loader))

for epoch in range(EPOCHS):
    model.train()
    losses = []
    for images, labels in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())

    model.eval()
    correct = 0
    with torch.no_grad():
        for images, labels in test_loader:
            correct += (model(images).argmax(1) == labels).sum().item()
    print(f"Epoch {epoch + 1}/{EPOCHS} - loss: {np.mean(losses):.4f} - accuracy: {correct / 500:.4f}")

print(f"held-out {correct / 500:.4f}")
