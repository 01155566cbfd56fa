"""Digits with batch-normalised convolutions and plain SGD at a rate of 1.0, decayed linearly."""

import os

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(int(os.environ.get("SEED", 0)))
EPOCHS = 12

digits = load_digits()
x = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(digits.target)
perm = torch.randperm(len(y))
x, y = x[perm], y[perm]
mean, std = x[:1400].mean(), x[:1400].std()
x = (x - mean) / std
train = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=70, shuffle=True)


def block(cin, cout, stride):
    return nn.Sequential(nn.Conv2d(cin, cout, 3, stride, 1, bias=False), nn.BatchNorm2d(cout), nn.ReLU())


net = nn.Sequential(
    block(1, 16, 1),
    block(16, 24, 2),
    block(24, 32, 2),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(32, 10, bias=False),
    nn.BatchNorm1d(10, affine=False),
)
criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
optimizer = torch.optim.SGD(net.parameters(), lr=1.0)
scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, total_iters=EPOCHS * len(train))

for epoch in range(EPOCHS):
    net.train()
    total = 0.0
    for xb, yb in train:
        loss = criterion(net(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item() / len(train)
    net.eval()
    with torch.no_grad():
        out = net(x[1400:])
    print(
        f"epoch {epoch + 1} train {total:.4f} val {criterion(out, y[1400:]).item():.4f} "
        f"accuracy {(out.argmax(1) == y[1400:]).float().mean():.4f}"
    )
