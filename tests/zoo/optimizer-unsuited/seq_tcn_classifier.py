import argparse
import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))


def make_waves(n, length=64, rng=None):
    """sine / square / sawtooth / two-tone with random phase, frequency, amplitude and noise"""
    t = np.arange(length) / length
    X = np.zeros((n, 1, length), dtype=np.float32)
    y = rng.integers(0, 4, n)
    for i in range(n):
        f, ph = rng.uniform(2, 5), rng.uniform(0, 1)
        u = f * t + ph
        if y[i] == 0:
            s = np.sin(2 * np.pi * u)
        elif y[i] == 1:
            s = np.sign(np.sin(2 * np.pi * u))
        elif y[i] == 2:
            s = 2 * (u % 1.0) - 1
        else:
            s = 0.7 * np.sin(2 * np.pi * u) + 0.7 * np.sin(6 * np.pi * u + 1.0)
        X[i, 0] = rng.uniform(0.8, 1.2) * s + 0.15 * rng.standard_normal(length)
    return torch.from_numpy(X), torch.from_numpy(y)


class TemporalBlock(nn.Module):
    def __init__(self, c_in, c_out, dilation):
        super().__init__()
        self.pad = nn.ConstantPad1d((2 * dilation, 0), 0.0)
        self.conv = nn.Conv1d(c_in, c_out, 3, dilation=dilation)
        self.skip = nn.Conv1d(c_in, c_out, 1) if c_in != c_out else nn.Identity()
        self.act = nn.ReLU()

    def forward(self, x):
        return self.act(self.conv(self.pad(x))) + self.skip(x)


class TCN(nn.Module):
    def __init__(self, channels=24, n_classes=4):
        super().__init__()
        blocks = [TemporalBlock(1, channels, 1)]
        for d in (2, 4, 8):
            blocks.append(TemporalBlock(channels, channels, d))
        self.body = nn.Sequential(*blocks)
        self.head = nn.Linear(channels, n_classes)

    def forward(self, x):
        return self.head(self.body(x).mean(-1))


def main(args):
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    Xtr, ytr = make_waves(1600, rng=rng)
    Xva, yva = make_waves(400, rng=rng)
    loader = DataLoader(TensorDataset(Xtr, ytr), batch_size=args.batch_size, shuffle=True)
    model = TCN()
    opt = torch.optim.Adam(model.parameters(), lr=args.lr, betas=(0.9, 0.999))
    criterion = nn.CrossEntropyLoss()
    for ep in range(1, args.epochs + 1):
        model.train()
        total = 0.0
        for x, y in loader:
            opt.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            opt.step()
            total += loss.item()
        model.eval()
        with torch.no_grad():
            out = model(Xva)
            val_loss = criterion(out, yva).item()
            acc = (out.argmax(1) == yva).float().mean().item()
        print(f"[{ep:02d}] train {total / len(loader):.4f}  val {val_loss:.4f}  val_acc={acc:.3f}")


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--lr", type=float, default=3e-3)
    p.add_argument("--epochs", type=int, default=14)
    p.add_argument("--batch-size", type=int, default=32)
    p.add_argument("--seed", type=int, default=SEED)
    main(p.parse_args())
