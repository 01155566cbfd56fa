"""Sort bottle caps by colour (red, green, blue, yellow) from small camera pictures."""

import os
import random

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
np.random.seed(SEED)
torch.manual_seed(SEED)

COLOURS = np.array([[0.7, 0.25, 0.25], [0.25, 0.65, 0.25], [0.25, 0.3, 0.7], [0.7, 0.65, 0.25]])
YY, XX = np.mgrid[:20, :20]


def picture(kind):
    img = np.random.uniform(0.25, 0.6) + np.random.normal(0, 0.06, (3, 20, 20))
    cy, cx = np.random.uniform(7, 13, 2)
    r = np.random.uniform(4.5, 7)
    body = (YY - cy) ** 2 + (XX - cx) ** 2 < r * r
    colour = COLOURS[kind] + np.random.normal(0, 0.06, 3)
    img[:, body] = colour[:, None] + np.random.normal(0, 0.05, (3, body.sum()))
    return img.clip(0, 1).astype(np.float32)


# --- augmentation, in the manner of albumentations
class HorizontalFlip:
    def __call__(self, img):
        return img.flip(2) if random.random() < 0.5 else img


class Shift:
    def __call__(self, img):
        return torch.roll(img, (random.randint(-2, 2), random.randint(-2, 2)), (1, 2))


class ChannelShuffle:
    def __call__(self, img):
        return img[torch.randperm(3)]


class Compose:
    def __init__(self, steps):
        self.steps = steps

    def __call__(self, img):
        for step in self.steps:
            img = step(img)
        return img


train_tf = Compose([HorizontalFlip(), Shift()])


class Caps(Dataset):
    def __init__(self, n, transform=None):
        self.y = np.random.randint(0, 4, n)
        self.x = torch.from_numpy(np.stack([picture(k) for k in self.y]))
        self.transform = transform

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        img = self.x[i]
        if self.transform:
            img = self.transform(img)
        return (img - 0.45) / 0.2, self.y[i]


class SmallNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(3, 12, 3, stride=2, padding=1)
        self.c2 = nn.Conv2d(12, 24, 3, stride=2, padding=1)
        self.fc1 = nn.Linear(24 * 5 * 5, 48)
        self.fc2 = nn.Linear(48, 4)

    def forward(self, x):
        x = F.relu(self.c1(x))
        x = F.relu(self.c2(x))
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc2(x)


train_loader = DataLoader(Caps(1200, train_tf), batch_size=32, shuffle=True)
test_loader = DataLoader(Caps(400), batch_size=100)
net = SmallNet()
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3, gamma=0.3)

for epoch in range(9):
    net.train()
    tl = 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        tl += loss.item() * len(y)
    scheduler.step()
    net.eval()
    right = 0
    with torch.no_grad():
        for x, y in test_loader:
            right += (net(x).argmax(1) == y).sum().item()
    print(f"epoch {epoch} train loss {tl / 1200:.4f} test acc {right / 400:.3f}")
