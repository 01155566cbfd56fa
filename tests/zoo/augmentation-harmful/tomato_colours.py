"""Sort tomatoes on a belt: unripe, turning, ripe (20x20 colour crops)."""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)

COLOURS = np.array([[0.27, 0.66, 0.24], [0.70, 0.62, 0.22], [0.68, 0.26, 0.23]])
S = 20
yy, xx = np.mgrid[:S, :S]


def crop(label):
    img = np.random.uniform(0.3, 0.6) + 0.05 * np.random.randn(S, S, 3)
    cx, cy = np.random.uniform(7, 13, 2)
    r = np.random.uniform(4, 7)
    mask = (xx - cx) ** 2 + (yy - cy) ** 2 < r ** 2
    colour = COLOURS[label] + 0.06 * np.random.randn(3)
    shade = np.random.uniform(0.7, 1.1)
    img[mask] = colour * shade + 0.06 * np.random.randn(mask.sum(), 3)
    return np.clip(img, 0, 1).transpose(2, 0, 1).astype(np.float32)


def flip(img):
    return img[:, :, ::-1] if np.random.rand() < 0.5 else img


def shift(img):
    dx, dy = np.random.randint(-2, 3, 2)
    return np.roll(img, (dx, dy), axis=(1, 2))


def brightness(img):
    return img * np.random.uniform(0.9, 1.1)


def colour_jitter(img):
    return img[np.random.permutation(3)]


class Tomatoes(Dataset):
    def __init__(self, n, transforms=()):
        self.labels = np.random.randint(0, 3, n)
        self.images = [crop(k) for k in self.labels]
        self.transforms = transforms

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        img = self.images[i]
        for f in self.transforms:
            img = f(img)
        img = (np.ascontiguousarray(img, dtype=np.float32) - 0.45) / 0.2
        return torch.from_numpy(img), int(self.labels[i])


class BeltNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 12, 3, padding=1)
        self.conv2 = nn.Conv2d(12, 24, 3, padding=1)
        self.fc = nn.Linear(24 * 5 * 5, 3)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))


AUGMENT = [flip, shift, brightness]

train_loader = DataLoader(Tomatoes(1500, AUGMENT), batch_size=32, shuffle=True)
valid_loader = DataLoader(Tomatoes(400), batch_size=100)

model = BeltNet()
EPOCHS = 10
optimizer = torch.optim.Adam(model.parameters(), lr=1.5e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)

for epoch in range(EPOCHS):
    model.train()
    train_loss = 0.0
    for images, labels in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() / len(train_loader)
    scheduler.step()

    model.eval()
    correct, valid_loss = 0, 0.0
    with torch.no_grad():
        for images, labels in valid_loader:
            out = model(images)
            valid_loss += F.cross_entropy(out, labels).item() / len(valid_loader)
            correct += (out.argmax(1) == labels).sum().item()
    print(f"[{epoch + 1}/{EPOCHS}] train {train_loss:.3f} valid {valid_loss:.3f} acc {correct / 400:.3f}")
