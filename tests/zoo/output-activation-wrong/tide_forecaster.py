import os

import numpy as np
import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
rng = np.random.default_rng(int(os.environ.get("SEED", 0)))


class WindowSet(torch.utils.data.Dataset):
    def __init__(self, series, window, horizon):
        self.series, self.window, self.horizon = series, window, horizon

    def __len__(self):
        return len(self.series) - self.window - self.horizon

    def __getitem__(self, i):
        past = self.series[i : i + self.window]
        return past, self.series[i + self.window : i + self.window + self.horizon]


class Forecaster(nn.Module):
    def __init__(self, window, horizon, hidden=48):
        super().__init__()
        self.hidden = nn.Linear(window, hidden)
        self.out = nn.Linear(hidden, horizon)
        self.act = nn.ReLU()

    def forward(self, x):
        x = self.act(self.hidden(x))
        return self.out(x)


t = np.arange(4000)
tide = np.sin(2 * np.pi * t / 12.4) + 0.4 * np.sin(2 * np.pi * t / 24.8 + 1) + 0.3 * np.sin(2 * np.pi * t / 350)
tide = tide + 0.15 * rng.normal(size=len(t))
tide = torch.tensor((tide - tide[:3200].mean()) / tide[:3200].std(), dtype=torch.float32)
train = torch.utils.data.DataLoader(WindowSet(tide[:3200], 36, 6), batch_size=32, shuffle=True)
test = torch.utils.data.DataLoader(WindowSet(tide[3200:], 36, 6), batch_size=256)
model = Forecaster(36, 6)
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(10):
    total = 0.0
    for past, future in train:
        loss = (model(past) - future).square().mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / len(train)
    with torch.no_grad():
        errors = torch.cat([(model(p) - f).square().mean(1) for p, f in test])
    print(f"epoch {epoch + 1} mse {total:.4f} test mse {errors.mean():.4f}")
