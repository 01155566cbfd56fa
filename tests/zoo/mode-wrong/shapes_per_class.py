"""Tell five drawn shapes apart; report accuracy shape by shape after every epoch."""

import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = int(os.environ.get("SEED", 0))
SHAPES = ["disc", "square", "cross", "ring", "triangle"]
SIZE = 20


def draw(kind, rng):
    yy, xx = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    cx, cy = rng.uniform(7, 13, 2)
    r = rng.uniform(3.5, 6.0)
    dx, dy = xx - cx, yy - cy
    dist = np.hypot(dx, dy)
    if kind == 0:
        mask = dist < r
    elif kind == 1:
        mask = (abs(dx) < 0.85 * r) & (abs(dy) < 0.85 * r)
    elif kind == 2:
        mask = ((abs(dx) < 1.2) & (abs(dy) < r)) | ((abs(dy) < 1.2) & (abs(dx) < r))
    elif kind == 3:
        mask = (dist < r) & (dist > r - 1.8)
    else:
        mask = (dy < 0.8 * r) & (dy > -r + 2.0 * abs(dx))
    image = mask * rng.uniform(0.6, 1.0) + rng.normal(0, 0.25, (SIZE, SIZE))
    return (image - 0.2) / 0.45


def make_set(per_class, rng):
    images, labels = [], []
    for kind in range(len(SHAPES)):
        for _ in range(per_class):
            images.append(draw(kind, rng))
            labels.append(kind)
    return torch.tensor(np.array(images), dtype=torch.float32).unsqueeze(1), torch.tensor(labels)


def conv_bn(cin, cout):
    return nn.Sequential(
        nn.Conv2d(cin, cout, 3, padding=1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(), nn.MaxPool2d(2)
    )


class ShapeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(conv_bn(1, 8), conv_bn(8, 16), conv_bn(16, 32))
        self.dropout = nn.Dropout(0.2)
        self.classifier = nn.Linear(32 * 2 * 2, len(SHAPES))

    def forward(self, x):
        return self.classifier(self.dropout(self.features(x).flatten(1)))


def report(model, images, labels):
    model.eval()
    accs = {}
    with torch.no_grad():
        for kind, name in enumerate(SHAPES):
            pick = labels == kind
            out = model(images[pick])
            accs[name] = (out.argmax(1) == kind).float().mean().item()
    return accs


def main():
    rng = np.random.default_rng(SEED)
    torch.manual_seed(SEED)
    x_train, y_train = make_set(500, rng)
    x_test, y_test = make_set(120, rng)
    model = ShapeNet()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    for epoch in range(10):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(x_train)).split(50):
            loss = F.cross_entropy(model(x_train[idx]), y_train[idx])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        scheduler.step()
        accs = report(model, x_test, y_test)
        detail = " ".join(f"{k}:{v:.2f}" for k, v in accs.items())
        print(f"epoch {epoch} loss {total / len(x_train):.4f} {detail} mean {np.mean(list(accs.values())):.4f}")


if __name__ == "__main__":
    main()
