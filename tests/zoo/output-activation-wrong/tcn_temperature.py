"""Forecast tomorrow's temperature anomaly from the last four weeks with a dilated causal network."""

import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

CONFIG = {
    "seed": int(os.environ.get("SEED", 0)),
    "window": 28,
    "channels": 24,
    "batch_size": 32,
    "lr": 3e-3,
    "epochs": 9,
}


def simulate(days, rng):
    t = np.arange(days)
    season = 9.0 * np.sin(2 * np.pi * t / 365.25)
    weather = np.zeros(days)
    for i in range(2, days):
        weather[i] = 1.35 * weather[i - 1] - 0.52 * weather[i - 2] + rng.normal(0, 1.0)
    return (11.0 + season + 1.5 * weather).astype(np.float32)


class Windows(Dataset):
    def __init__(self, series, window):
        self.series = torch.from_numpy(series)
        self.window = window

    def __len__(self):
        return len(self.series) - self.window

    def __getitem__(self, i):
        return self.series[i : i + self.window].unsqueeze(0), self.series[i + self.window]


class CausalBlock(nn.Module):
    def __init__(self, cin, cout, dilation):
        super().__init__()
        self.pad = nn.ConstantPad1d((2 * dilation, 0), 0.0)
        self.conv = nn.Conv1d(cin, cout, 3, dilation=dilation)
        self.skip = nn.Conv1d(cin, cout, 1)

    def forward(self, x):
        return self.skip(x) + torch.relu(self.conv(self.pad(x)))


class TCN(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.blocks = nn.Sequential(
            CausalBlock(1, channels, 1),
            CausalBlock(channels, channels, 2),
            CausalBlock(channels, channels, 4),
        )
        self.head = nn.Sequential(
            nn.Linear(channels, 16),
            nn.ReLU(),
            nn.Linear(16, 1),
        )

    def forward(self, x):
        return self.head(self.blocks(x)[:, :, -1]).squeeze(1)


def main(cfg):
    rng = np.random.default_rng(cfg["seed"])
    torch.manual_seed(cfg["seed"])
    series = simulate(3000, rng)
    split = 2200
    mean, std = series[:split].mean(), series[:split].std()
    series = (series - mean) / std
    train = DataLoader(Windows(series[:split], cfg["window"]), cfg["batch_size"], shuffle=True)
    test = DataLoader(Windows(series[split:], cfg["window"]), 256)

    model = TCN(cfg["channels"])
    opt = torch.optim.NAdam(model.parameters(), lr=cfg["lr"])
    sched = torch.optim.lr_scheduler.ExponentialLR(opt, 0.75)
    loss_fn = nn.MSELoss()
    for epoch in range(cfg["epochs"]):
        model.train()
        losses = []
        for x, y in train:
            opt.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            opt.step()
            losses.append(loss.item())
        sched.step()
        model.eval()
        with torch.no_grad():
            pred, true = zip(*[(model(x), y) for x, y in test])
        pred, true = torch.cat(pred), torch.cat(true)
        r2 = 1 - ((pred - true) ** 2).mean() / true.var()
        rmse = ((pred - true) ** 2).mean().sqrt().item() * std
        print(f"epoch {epoch + 1:02d} | train mse {np.mean(losses):.4f} | test rmse {rmse:.2f} C | R2 {r2.item():.4f}")


if __name__ == "__main__":
    main(CONFIG)
