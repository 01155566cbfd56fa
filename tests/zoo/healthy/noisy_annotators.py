"""Texture labels from crowd workers: 35% of the training labels are random, the test labels are the expert's.

Micro-batches of 16 are accumulated to an effective batch of 128.
"""
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
SIZE, CLASSES, MICRO, ACCUM = 16, 4, 16, 8


def textures(n):
    y = torch.randint(CLASSES, (n,))
    angle = y * torch.pi / CLASSES + 0.1 * torch.randn(n)
    freq = 1.2 + 0.5 * torch.rand(n)
    phase = 6.283 * torch.rand(n)
    g = torch.arange(SIZE).float()
    u = torch.cos(angle)[:, None, None] * g[None, :, None] + torch.sin(angle)[:, None, None] * g[None, None, :]
    img = torch.sin(freq[:, None, None] * u + phase[:, None, None]) + 0.5 * torch.randn(n, SIZE, SIZE)
    return img.unsqueeze(1) / 0.87, y


def crowd(y, rate=0.35):
    random = torch.rand(len(y)) < rate
    return torch.where(random, torch.randint(CLASSES, y.shape), y)


class TextureNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 8, 5, padding=2)
        self.c2 = nn.Conv2d(8, 16, 3, padding=1)
        self.fc = nn.Linear(16, CLASSES)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c1(x)), 2)
        x = F.relu(self.c2(x))
        return self.fc(x.mean(dim=(2, 3)))


x_train, y_train = textures(4096)
y_crowd = crowd(y_train)
x_test, y_test = textures(800)
net = TextureNet()
opt = torch.optim.Adam(net.parameters(), lr=1e-2)
EPOCHS = 10
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=1e-2, total_steps=EPOCHS * len(x_train) // (MICRO * ACCUM))

for epoch in range(EPOCHS):
    net.train()
    total = 0.0
    opt.zero_grad()
    for k, idx in enumerate(torch.randperm(len(x_train)).split(MICRO), start=1):
        loss = F.cross_entropy(net(x_train[idx]), y_crowd[idx])
        (loss / ACCUM).backward()
        total += loss.item()
        if k % ACCUM == 0:
            opt.step()
            sched.step()
            opt.zero_grad()
    net.eval()
    with torch.no_grad():
        acc = (net(x_test).argmax(1) == y_test).float().mean().item()
    print(f"epoch {epoch + 1:2d} crowd loss {total / k:.3f} expert accuracy {acc:.3f}")
