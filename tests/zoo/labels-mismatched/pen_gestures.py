# Pen gestures -> class. Recordings and annotations come as two dictionaries keyed by recording id.
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

GESTURES = ["circle", "zigzag", "check", "loop", "line"]
T = 40


def stroke(kind):
    t = np.linspace(0, 1, T)
    if kind == "circle":
        xy = np.stack([np.cos(2 * np.pi * t), np.sin(2 * np.pi * t)])
    elif kind == "zigzag":
        xy = np.stack([2 * t - 1, 2 * np.abs((3 * t) % 1 - 0.5)])
    elif kind == "check":
        xy = np.stack([2 * t - 1, np.where(t < 0.35, -2 * t, -0.7 + 2.4 * (t - 0.35))])
    elif kind == "loop":
        xy = np.stack([2 * t - 1 + 0.5 * np.sin(2 * np.pi * t), 0.8 * np.cos(4 * np.pi * t)])
    else:
        xy = np.stack([2 * t - 1, 0.1 * t])
    a = rng.normal(0, 0.35)
    rot = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    xy = rot @ xy * rng.uniform(0.7, 1.3) + rng.normal(0, 0.15, (2, 1))
    return (xy + rng.normal(0, 0.18, xy.shape)).astype("float32")


def read_archive(n):
    recordings, annotation = {}, {}
    for i in range(n):
        kind = int(rng.integers(len(GESTURES)))
        recordings[f"rec_{i}"] = stroke(GESTURES[kind])
        annotation[f"rec_{i}"] = kind
    return recordings, annotation


recordings, annotation = read_archive(2400)
names = sorted(recordings)
X = torch.tensor(np.stack([recordings[name] for name in names]))
y = torch.tensor([annotation[name] for name in names])

order = torch.randperm(len(X))
train_idx, test_idx = order[:1900], order[1900:]
mu, sd = X[train_idx].mean(dim=(0, 2), keepdim=True), X[train_idx].std(dim=(0, 2), keepdim=True)
X = (X - mu) / sd


class GestureNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv1d(2, 16, 5, padding=2)
        self.c2 = nn.Conv1d(16, 32, 5, padding=2)
        self.out = nn.Linear(32 * 10, len(GESTURES))

    def forward(self, x):
        x = F.max_pool1d(F.relu(self.c1(x)), 2)
        x = F.max_pool1d(F.relu(self.c2(x)), 2)
        return self.out(x.flatten(1))


model = GestureNet()
opt = torch.optim.AdamW(model.parameters(), lr=2e-3)
epochs, bs = 12, 50
sched = torch.optim.lr_scheduler.OneCycleLR(opt, 2e-3, total_steps=epochs * (len(train_idx) // bs))

for epoch in range(epochs):
    model.train()
    perm = train_idx[torch.randperm(len(train_idx))]
    running = 0.0
    for k in range(len(perm) // bs):
        idx = perm[k * bs:(k + 1) * bs]
        loss = F.cross_entropy(model(X[idx]), y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        running += loss.item()
    model.eval()
    with torch.no_grad():
        logits = model(X[test_idx])
        test_loss = F.cross_entropy(logits, y[test_idx]).item()
        acc = (logits.argmax(1) == y[test_idx]).float().mean().item()
    print(f"{epoch:02d} loss {running / (len(perm) // bs):.3f} test loss {test_loss:.3f} acc {acc:.3f}")
