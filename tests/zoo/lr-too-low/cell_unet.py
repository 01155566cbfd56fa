"""Segment bright blobs ("cells") on a noisy background with a tiny U-Net."""

import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = int(os.environ.get("SEED", 0))
LR = 5e-3
BATCH_SIZE = 16
NUM_EPOCHS = 8


def synth(n, rng, size=32):
    yy, xx = np.mgrid[0:size, 0:size]
    imgs = rng.normal(0, 0.6, (n, 1, size, size))
    masks = np.zeros((n, 1, size, size))
    for k in range(n):
        for _ in range(rng.integers(2, 5)):
            cy, cx = rng.uniform(4, size - 4, 2)
            ry, rx = rng.uniform(3, 6, 2)
            masks[k, 0] = np.maximum(masks[k, 0], ((yy - cy) / ry) ** 2 + ((xx - cx) / rx) ** 2 < 1)
    imgs = imgs + 1.6 * masks
    imgs = (imgs - imgs.mean((2, 3), keepdims=True)) / imgs.std((2, 3), keepdims=True)
    return torch.tensor(imgs, dtype=torch.float32), torch.tensor(masks, dtype=torch.float32)


class DoubleConv(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(i, o, 3, padding=1),
            nn.GroupNorm(4, o),
            nn.ReLU(),
            nn.Conv2d(o, o, 3, padding=1),
            nn.GroupNorm(4, o),
            nn.ReLU(),
        )

    def forward(self, x):
        return self.net(x)


class TinyUNet(nn.Module):
    def __init__(self, w=8):
        super().__init__()
        self.down1 = DoubleConv(1, w)
        self.down2 = DoubleConv(w, 2 * w)
        self.mid = DoubleConv(2 * w, 2 * w)
        self.up2 = DoubleConv(4 * w, w)
        self.up1 = DoubleConv(2 * w, w)
        self.out = nn.Conv2d(w, 1, 1)

    def forward(self, x):
        a = self.down1(x)
        b = self.down2(F.max_pool2d(a, 2))
        c = self.mid(F.max_pool2d(b, 2))
        d = self.up2(torch.cat([F.interpolate(c, scale_factor=2), b], 1))
        e = self.up1(torch.cat([F.interpolate(d, scale_factor=2), a], 1))
        return self.out(e)


def iou(logits, mask):
    pred = logits > 0
    inter = (pred & (mask > 0.5)).sum().item()
    union = (pred | (mask > 0.5)).sum().item()
    return inter / max(union, 1)


rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)
train_x, train_y = synth(320, rng)
val_x, val_y = synth(64, rng)
net = TinyUNet()
opt = torch.optim.AdamW(net.parameters(), lr=LR, weight_decay=1e-4)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, NUM_EPOCHS)

step = 0
for epoch in range(NUM_EPOCHS):
    net.train()
    for idx in torch.randperm(len(train_x)).split(BATCH_SIZE):
        opt.zero_grad()
        loss = F.binary_cross_entropy_with_logits(net(train_x[idx]), train_y[idx])
        loss.backward()
        opt.step()
        step += 1
        if step % 25 == 0:
            print(f"  step {step} loss {loss.item():.4f}")
    sched.step()
    net.eval()
    with torch.no_grad():
        logits = net(val_x)
        vloss = F.binary_cross_entropy_with_logits(logits, val_y).item()
    print(f"epoch {epoch + 1}: val loss {vloss:.4f}, IoU {iou(logits, val_y):.4f}")
