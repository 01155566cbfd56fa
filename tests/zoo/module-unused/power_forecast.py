"""Household power from weather and hour: a small convolutional network with normalisation between its layers."""

import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)

hours = torch.arange(4000) / 24 * 2 * torch.pi
weather = torch.stack([hours.sin(), hours.cos(), torch.randn(4000).cumsum(0) / 40], 1)
power = 1.5 * hours.sin() * weather[:, 2] + 0.5 * (2 * hours).cos() + 0.1 * torch.randn(4000)
windows = weather.unfold(0, 24, 1)[:-1]  # (N, 3, 24)
target = power[24:]


class Forecaster(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(3, 16, 5)
        self.bn1 = nn.BatchNorm1d(16)
        self.conv2 = nn.Conv1d(16, 32, 5)
        self.bn2 = nn.BatchNorm1d(32)
        self.hidden = nn.Linear(32 * 16, 64)
        self.out = nn.Linear(64, 1)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = torch.relu(self.bn2(self.conv2(x)))
        return self.out(torch.relu(self.hidden(x.flatten(1)))).squeeze(1)


model = Forecaster()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(8):
    model.train()
    for batch in torch.randperm(3200).split(64):
        loss = nn.functional.mse_loss(model(windows[batch]), target[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
model.eval()
with torch.no_grad():
    print(f"test mse {nn.functional.mse_loss(model(windows[3200:]), target[3200:]):.4f}")
