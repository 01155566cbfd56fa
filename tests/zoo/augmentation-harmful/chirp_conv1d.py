import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
RNG = np.random.default_rng(SEED)
NAMES = ["rising", "falling", "tone", "beat"]


def signal(kind, length=96):
    t = np.linspace(0, 1, length)
    phase = RNG.uniform(0, 2 * np.pi)
    lo, hi = RNG.uniform(3, 5), RNG.uniform(9, 12)
    if kind == 0:
        s = np.sin(phase + 2 * np.pi * (lo * t + (hi - lo) * t**2 / 2))
    elif kind == 1:
        s = np.sin(phase + 2 * np.pi * (hi * t - (hi - lo) * t**2 / 2))
    elif kind == 2:
        s = np.sin(phase + 2 * np.pi * RNG.uniform(3, 12) * t)
    else:
        s = np.sin(phase + 2 * np.pi * hi * t) * np.cos(2 * np.pi * 2 * t)
    s = s + 0.3 * RNG.normal(size=length)
    return (s / s.std()).astype(np.float32)


class Signals(Dataset):
    def __init__(self, n, train):
        self.kind = RNG.integers(0, 4, n)
        self.data = np.stack([signal(k) for k in self.kind])
        self.train = train

    def __len__(self):
        return len(self.kind)

    def __getitem__(self, i):
        x = torch.from_numpy(self.data[i])
        if self.train:
            x = torch.roll(x, int(torch.randint(-4, 5, ())))
            x = x * (0.9 + 0.2 * torch.rand(()))
        return x[None], int(self.kind[i])


net = nn.Sequential(
    nn.Conv1d(1, 16, 7, stride=2, padding=3),
    nn.ReLU(),
    nn.Conv1d(16, 32, 5, stride=2, padding=2),
    nn.ReLU(),
    nn.Conv1d(32, 32, 5, stride=2, padding=2),
    nn.ReLU(),
    nn.Flatten(),
    nn.Dropout(0.3),
    nn.Linear(32 * 12, 4),
)
train_loader = DataLoader(Signals(1600, True), batch_size=32, shuffle=True)
test_loader = DataLoader(Signals(500, False), batch_size=250)
opt = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 12 * len(train_loader))
criterion = nn.CrossEntropyLoss()
for epoch in range(12):
    net.train()
    total = 0.0
    for x, y in train_loader:
        opt.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        opt.step()
        sched.step()
        total += loss.item()
    net.eval()
    right = vl = 0.0
    with torch.no_grad():
        for x, y in test_loader:
            out = net(x)
            vl += criterion(out, y).item() * len(y) / 500
            right += (out.argmax(1) == y).sum().item()
    print(f"epoch {epoch + 1}: train {total / len(train_loader):.3f} test {vl:.3f} acc {right / 500:.3f}")
