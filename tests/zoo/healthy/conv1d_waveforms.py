import os
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset, random_split

torch.set_num_threads(1)
rng = np.random.default_rng(int(os.environ.get("SEED", 0)))
torch.manual_seed(int(os.environ.get("SEED", 0)))


class Waveforms(Dataset):
    """sine, square, triangle and sawtooth with random period, phase and noise"""

    def __init__(self, n=1600, length=64):
        t = np.arange(length)
        self.items = []
        for i in range(n):
            kind = i % 4
            ph = t / rng.uniform(12, 30) + rng.uniform()
            frac = ph % 1.0
            if kind == 0:
                x = np.sin(2 * np.pi * ph)
            elif kind == 1:
                x = np.sign(np.sin(2 * np.pi * ph))
            elif kind == 2:
                x = 4 * np.abs(frac - 0.5) - 1
            else:
                x = 2 * frac - 1
            x = x * rng.uniform(0.7, 1.4) + rng.normal(0, 0.2, length)
            self.items.append((torch.tensor(x, dtype=torch.float32)[None], kind))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


dataset = Waveforms()
train_set, val_set = random_split(dataset, [1200, 400])
train_dl = DataLoader(train_set, batch_size=32, shuffle=True, drop_last=True)
val_dl = DataLoader(val_set, batch_size=100)

model = nn.Sequential(
    nn.Conv1d(1, 16, 7, padding=3, bias=False),
    nn.BatchNorm1d(16),
    nn.ReLU(),
    nn.MaxPool1d(2),
    nn.Conv1d(16, 24, 5, padding=2, bias=False),
    nn.BatchNorm1d(24),
    nn.ReLU(),
    nn.AdaptiveAvgPool1d(4),
    nn.Flatten(),
    nn.Dropout(0.2),
    nn.Linear(96, 4),
)
opt = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
loss_func = nn.CrossEntropyLoss()
epochs = 10
sched = torch.optim.lr_scheduler.OneCycleLR(opt, 1e-2, epochs=epochs, steps_per_epoch=len(train_dl))

for epoch in range(epochs):
    model.train()
    for xb, yb in train_dl:
        loss = loss_func(model(xb), yb)
        loss.backward()
        opt.step()
        opt.zero_grad()
        sched.step()
    model.eval()
    with torch.no_grad():
        val_loss = sum(loss_func(model(xb), yb) for xb, yb in val_dl) / len(val_dl)
        acc = sum((model(xb).argmax(1) == yb).sum() for xb, yb in val_dl) / len(val_set)
    print(epoch, f"train {loss.item():.4f}", f"valid {val_loss:.4f}", f"acc {acc:.4f}")
