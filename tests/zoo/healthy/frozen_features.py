"""Pre-train on digits 0-4, freeze the convolutions, fit a new head for digits 5-9, then unfreeze at a low rate."""

import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
img, lab = load_digits(return_X_y=True)
img, lab = torch.tensor(img).float().view(-1, 1, 8, 8) / 16, torch.tensor(lab)


def split(mask, offset):
    x, y = img[mask], lab[mask] - offset
    p = torch.randperm(len(x))
    k = int(0.75 * len(x))
    return x[p[:k]], y[p[:k]], x[p[k:]], y[p[k:]]


backbone = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.Conv2d(16, 16, 3, padding=1),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.AvgPool2d(2),
    nn.Flatten(),
)


def fit(net, params, data, epochs, lr, train_backbone):
    xtr, ytr, xte, yte = data
    opt = torch.optim.AdamW(params, lr=lr, weight_decay=1e-2)
    for _ in range(epochs):
        net.train()
        if not train_backbone:
            backbone.eval()
        for b in torch.randperm(len(xtr)).split(32):
            opt.zero_grad()
            loss = nn.functional.cross_entropy(net(xtr[b]), ytr[b])
            loss.backward()
            opt.step()
    net.eval()
    with torch.no_grad():
        return loss.item(), (net(xte).argmax(1) == yte).float().mean().item()


old = nn.Sequential(backbone, nn.Linear(256, 5))
print("source task  loss %.4f acc %.4f" % fit(old, old.parameters(), split(lab < 5, 0), 6, 3e-3, True))
target = split(lab >= 5, 5)
backbone.requires_grad_(False)
new = nn.Sequential(backbone, nn.Linear(256, 5))
print("new head     loss %.4f acc %.4f" % fit(new, new[1].parameters(), target, 12, 5e-3, False))
backbone.requires_grad_(True)
groups = [{"params": backbone.parameters(), "lr": 3e-4}, {"params": new[1].parameters(), "lr": 1e-3}]
print("fine-tuned   loss %.4f acc %.4f" % fit(new, groups, target, 5, 1e-3, True))
