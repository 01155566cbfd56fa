"""Estimate the heart rate from five seconds of a pulse sensor, whose driver reports a lost reading as 32767."""

import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
torch.set_num_threads(1)

RATE_HZ = 25
LOST = 32767.0


class PulseWindows(Dataset):
    def __init__(self, count, seed, lost_share):
        g = torch.Generator().manual_seed(seed)
        t = torch.arange(5 * RATE_HZ) / RATE_HZ
        self.bpm = 45 + 110 * torch.rand(count, generator=g)
        phase = 2 * math.pi * torch.rand(count, 1, generator=g)
        angle = 2 * math.pi * self.bpm[:, None] / 60 * t + phase
        wave = angle.sin() + 0.4 * (2 * angle + 0.6).sin()
        self.signal = wave + 0.2 * torch.randn(count, len(t), generator=g)
        lost = torch.rand(count, generator=g) < lost_share
        at = torch.randint(len(t), (count,), generator=g)
        self.signal[lost, at[lost]] = LOST

    def __len__(self):
        return len(self.bpm)

    def __getitem__(self, i):
        x = self.signal[i]
        x = torch.where(x == LOST, torch.zeros(()), x)
        return x[None], (self.bpm[i] - 100) / 32


class RateNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv1d(1, 16, 7, stride=2, padding=3)
        self.c2 = nn.Conv1d(16, 32, 5, stride=2, padding=2)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(32 * 32, 64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, x):
        x = F.relu(self.c1(x))
        x = F.relu(self.c2(x))
        return self.head(x).squeeze(1)


train = PulseWindows(16000, SEED, lost_share=3e-4)
test = PulseWindows(1000, SEED + 1, lost_share=0.0)
net = RateNet()
opt = torch.optim.AdamW(net.parameters(), lr=1e-3)

for epoch in range(4):
    net.train()
    for x, y in DataLoader(train, batch_size=32, shuffle=True):
        loss = F.mse_loss(net(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
    net.eval()
    with torch.no_grad():
        errors = [(net(x) - y).abs() * 32 for x, y in DataLoader(test, batch_size=250)]
    print(f"epoch {epoch}: mean error {torch.cat(errors).mean():.2f} bpm")
