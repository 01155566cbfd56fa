"""Three-class segmentation (background, disc, square) with a soft Dice loss."""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
np.random.seed(SEED)
S, C = 24, 3


def draw(n):
    yy, xx = np.mgrid[:S, :S]
    imgs, masks = [], []
    for _ in range(n):
        mask = np.zeros((S, S), dtype=np.int64)
        cy, cx = np.random.randint(5, S - 5, 2)
        r = np.random.randint(4, 6)
        mask[(yy - cy) ** 2 + (xx - cx) ** 2 <= r * r] = 1
        oy, ox = np.random.randint(0, S - 9, 2)
        w = np.random.randint(6, 9)
        mask[oy : oy + w, ox : ox + w] = 2
        img = np.array([0.0, 0.9, 0.9])[mask] + 0.25 * np.random.randn(S, S)
        img[mask == 2] += 0.5 * ((yy + xx) % 2)[mask == 2]
        imgs.append(img)
        masks.append(mask)
    imgs = np.stack(imgs)[:, None].astype(np.float32)
    return torch.from_numpy((imgs - 0.3) / 0.55), torch.from_numpy(np.stack(masks))


class SoftDice(nn.Module):
    def __init__(self, eps=1.0):
        super().__init__()
        self.eps = eps

    def forward(self, logits, target):
        probs = logits.softmax(dim=1)
        onehot = F.one_hot(target, C).permute(0, 3, 1, 2).float()
        inter = (probs * onehot).sum(dim=(0, 2, 3))
        size = probs.sum(dim=(0, 2, 3)) + onehot.sum(dim=(0, 2, 3))
        return 1 - ((2 * inter + self.eps) / (size + self.eps)).mean()


def conv(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True))


class FCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv(1, 12)
        self.down = nn.Sequential(nn.MaxPool2d(2), conv(12, 20), conv(20, 20))
        self.head = nn.Sequential(conv(32, 16), nn.Conv2d(16, C, 1))

    def forward(self, x):
        a = self.stem(x)
        b = F.interpolate(self.down(a), scale_factor=2.0, mode="nearest")
        return self.head(torch.cat([a, b], 1))


def miou(pred, target):
    scores = []
    for c in range(C):
        p, t = pred == c, target == c
        scores.append(((p & t).sum() / (p | t).sum().clamp(min=1)).item())
    return float(np.mean(scores))


x_train, m_train = draw(600)
x_val, m_val = draw(150)
model = FCN()
criterion = SoftDice()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
EPOCHS, BS = 14, 30
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
for epoch in range(EPOCHS):
    model.train()
    order = torch.randperm(len(x_train))
    total = 0.0
    for k in range(0, len(order), BS):
        idx = order[k : k + BS]
        optimizer.zero_grad()
        loss = criterion(model(x_train[idx]), m_train[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(x_val)
        val_loss = criterion(out, m_val).item()
        score = miou(out.argmax(1), m_val)
    print(f"epoch {epoch + 1:2d} dice loss {total / len(order):.4f} val {val_loss:.4f} mIoU {score:.3f}")
