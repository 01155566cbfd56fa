import os
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)

SIZE = 24


# ---- microscope pictures: grey value 0-255, annotation stored as a png (white cell on black)
def draw(n):
    yy, xx = np.mgrid[:SIZE, :SIZE]
    pictures, masks = [], []
    for _ in range(n):
        img = np.random.normal(90, 22, (SIZE, SIZE)) + np.random.uniform(-15, 15)
        mask = np.zeros((SIZE, SIZE), dtype=np.uint8)
        for _ in range(np.random.randint(1, 3)):
            cy, cx = np.random.uniform(5, SIZE - 5, 2)
            ry, rx = np.random.uniform(2.5, 6, 2)
            inside = ((yy - cy) / ry) ** 2 + ((xx - cx) / rx) ** 2 < 1
            img[inside] += 55
            mask[inside] = 255
        pictures.append(np.clip(img, 0, 255).astype(np.uint8))
        masks.append(mask)
    return np.stack(pictures)[:, None], np.stack(masks)[:, None]


def to_tensors(pictures, masks):
    x = torch.from_numpy(pictures).float() / 255
    x = (x - 0.4) / 0.15
    y = torch.from_numpy(masks).float() / 255
    return x, y


class DoubleConv(nn.Sequential):
    def __init__(self, cin, cout):
        super().__init__(
            nn.Conv2d(cin, cout, 3, padding=1, bias=False),
            nn.BatchNorm2d(cout),
            nn.ReLU(inplace=True),
            nn.Conv2d(cout, cout, 3, padding=1, bias=False),
            nn.BatchNorm2d(cout),
            nn.ReLU(inplace=True),
        )


class MiniUNet(nn.Module):
    def __init__(self, base=6):
        super().__init__()
        self.down1 = DoubleConv(1, base)
        self.down2 = DoubleConv(base, base * 2)
        self.middle = DoubleConv(base * 2, base * 2)
        self.up2 = DoubleConv(base * 4, base)
        self.up1 = DoubleConv(base * 2, base)
        self.last = nn.Conv2d(base, 1, 1)

    def forward(self, x):
        a = self.down1(x)
        b = self.down2(F.max_pool2d(a, 2))
        c = self.middle(F.max_pool2d(b, 2))
        c = F.interpolate(c, scale_factor=2)
        b = self.up2(torch.cat([b, c], 1))
        b = F.interpolate(b, scale_factor=2)
        return self.last(self.up1(torch.cat([a, b], 1)))


def iou(logits, y):
    pred, true = logits > 0, y > 0
    return ((pred & true).sum() / (pred | true).sum()).item()


x_train, y_train = to_tensors(*draw(320))
x_test, y_test = to_tensors(*draw(80))
net = MiniUNet()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.65)

for epoch in range(8):
    net.train()
    order = torch.randperm(len(x_train))
    total = 0.0
    for batch in order.split(8):
        logits = net(x_train[batch])
        loss = criterion(logits, y_train[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
    scheduler.step()
    net.eval()
    with torch.no_grad():
        score = iou(net(x_test), y_test)
    print(f"epoch {epoch} loss {total / len(x_train):.4f} iou {score:.3f}")
