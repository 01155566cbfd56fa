import os

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
np.random.seed(seed)
torch.manual_seed(seed)

d = load_digits()
x = torch.tensor(d.images, dtype=torch.float32)[:, None] / 8 - 1
y = torch.tensor(d.target)
order = torch.randperm(len(x))
x, y = x[order], y[order]
xtr, ytr, xte, yte = x[:1400], y[:1400], x[1400:], y[1400:]

net = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.GELU(),
    nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1),
    nn.GELU(),
    nn.AdaptiveAvgPool2d(2),
    nn.Flatten(),
    nn.Linear(128, 10),
)


def mixup_data(x, y, alpha=0.2):
    lam = np.random.beta(alpha, alpha)
    index = torch.randperm(len(x))
    return lam * x + (1 - lam) * x[index], y, y[index], lam


crit = nn.CrossEntropyLoss(label_smoothing=0.1)
optimizer = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=1e-2)
n_epochs, bs = 12, 50
sched = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_epochs * 28)
for ep in range(n_epochs):
    net.train()
    hist = []
    for b in torch.randperm(1400).split(bs):
        xm, ya, yb, lam = mixup_data(xtr[b], ytr[b])
        out = net(xm)
        loss = lam * crit(out, ya) + (1 - lam) * crit(out, yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        sched.step()
        hist.append(loss.item())
    net.eval()
    with torch.no_grad():
        acc = (net(xte).argmax(1) == yte).float().mean()
    print("epoch %2d  mixed loss %.3f  clean accuracy %.4f" % (ep, np.mean(hist), acc))
