"""Segmentation of discs and squares with a small U-Net."""

import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rs = np.random.RandomState(SEED)


def draw(n, size=24):
    yy, xx = np.mgrid[:size, :size]
    img = rs.normal(0, 0.35, (n, 1, size, size)).astype("float32")
    mask = np.zeros((n, size, size), "int64")
    for i in range(n):
        for kind in (1, 2):
            cy, cx, r = rs.randint(5, size - 5), rs.randint(5, size - 5), rs.randint(3, 6)
            hit = (yy - cy) ** 2 + (xx - cx) ** 2 <= r * r if kind == 1 else (abs(yy - cy) < r) & (abs(xx - cx) < r)
            img[i, 0][hit] += 1.0 if kind == 1 else -1.0
            mask[i][hit] = kind
    return torch.from_numpy(img), torch.from_numpy(mask)


def double(i, o):
    return nn.Sequential(
        nn.Conv2d(i, o, 3, padding=1),
        nn.BatchNorm2d(o),
        nn.LeakyReLU(0.1, inplace=True),
        nn.Conv2d(o, o, 3, padding=1),
        nn.BatchNorm2d(o),
        nn.LeakyReLU(0.1, inplace=True),
    )


class UNet(nn.Module):
    def __init__(self, c=8, classes=3):
        super().__init__()
        self.down1, self.down2, self.mid = double(1, c), double(c, 2 * c), double(2 * c, 2 * c)
        self.up2, self.up1 = double(4 * c, c), double(2 * c, c)
        self.head = nn.Conv2d(c, classes, 1)

    def forward(self, x):
        a = self.down1(x)
        b = self.down2(F.max_pool2d(a, 2))
        m = self.mid(F.max_pool2d(b, 2))
        x = self.up2(torch.cat([F.interpolate(m, scale_factor=2), b], 1))
        x = self.up1(torch.cat([F.interpolate(x, scale_factor=2), a], 1))
        return self.head(x)


def dice(logits, target):
    p, t = logits.argmax(1), target
    return np.mean(
        [(2 * ((p == k) & (t == k)).sum() / ((p == k).sum() + (t == k).sum() + 1e-6)).item() for k in (1, 2)]
    )


xtr, ytr = draw(320)
xva, yva = draw(80)
model = UNet()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=8)
for epoch in range(8):
    model.train()
    losses = []
    for rows in torch.randperm(len(xtr)).split(16):
        loss = F.cross_entropy(model(xtr[rows]), ytr[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(xva)
    print(
        f"epoch {epoch} | train {np.mean(losses):.4f} | val {F.cross_entropy(out, yva):.4f} | dice {dice(out, yva):.3f}"
    )
