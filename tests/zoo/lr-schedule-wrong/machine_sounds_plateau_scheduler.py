"""Machine sound classes from spectrogram frames, with a ReduceLROnPlateau schedule."""

import copy
import os
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

SEED = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)


@dataclass
class Config:
    machines: int = 6
    per_class: int = 400
    bins: int = 32
    frames: int = 16
    batch_size: int = 32
    epochs: int = 17
    lr: float = 0.008


def spectrograms(cfg):
    xs, ys = [], []
    freq = np.arange(cfg.bins)[:, None]
    time = np.arange(cfg.frames)[None, :]
    for k in range(cfg.machines):
        for _ in range(cfg.per_class):
            base = rng.uniform(4, 12)
            depth = 2.5 if k % 2 else 0.0
            rate = 0.4 + 0.35 * (k // 2)
            centre = base + depth * np.sin(rate * time + rng.uniform(0, 6.28))
            s = np.exp(-0.5 * (freq - centre) ** 2)
            gap = 4 + 3 * (k // 2)
            s = s + 0.7 * np.exp(-0.5 * (freq - centre - gap) ** 2)
            s = s * rng.uniform(0.7, 1.3) + 0.4 * rng.standard_normal(s.shape)
            xs.append(s)
            ys.append(k)
    x = np.array(xs, dtype=np.float32)
    x = (x - x.mean()) / x.std()
    perm = rng.permutation(len(x))
    return torch.from_numpy(x[perm]).unsqueeze(1), torch.tensor(ys)[torch.from_numpy(perm)]


def conv_block(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))


class Trainer:
    def __init__(self, cfg):
        self.cfg = cfg
        x, y = spectrograms(cfg)
        n = int(0.75 * len(x))
        self.train_data, self.val_data = (x[:n], y[:n]), (x[n:], y[n:])
        self.model = nn.Sequential(
            conv_block(1, 8),
            conv_block(8, 16),
            nn.Flatten(),
            nn.Linear(16 * 8 * 4, 48),
            nn.ReLU(),
            nn.Linear(48, cfg.machines),
        )
        self.opt = torch.optim.SGD(self.model.parameters(), lr=cfg.lr, momentum=0.8, weight_decay=1e-3)
        self.sched = ReduceLROnPlateau(self.opt, mode="min", factor=0.1, patience=1)
        self.crit = nn.CrossEntropyLoss()
        self.best = (float("inf"), None)

    def train_epoch(self):
        self.model.train()
        x, y = self.train_data
        total = 0.0
        for idx in torch.randperm(len(x)).split(self.cfg.batch_size):
            self.opt.zero_grad()
            loss = self.crit(self.model(x[idx]), y[idx])
            loss.backward()
            self.opt.step()
            total += loss.item() * len(idx)
        return total / len(x)

    @torch.no_grad()
    def validate(self):
        self.model.eval()
        x, y = self.val_data
        out = self.model(x)
        return self.crit(out, y).item(), (out.argmax(1) == y).float().mean().item()

    def fit(self):
        for epoch in range(self.cfg.epochs):
            train_loss = self.train_epoch()
            val_loss, val_acc = self.validate()
            self.sched.step(val_loss)
            if val_loss < self.best[0]:
                self.best = (val_loss, copy.deepcopy(self.model.state_dict()))
            lr = self.opt.param_groups[0]["lr"]
            print(f"{epoch:3d} train {train_loss:.3f} val {val_loss:.3f} acc {val_acc:.3f} lr {lr:.1e}")
        self.model.load_state_dict(self.best[1])
        print("best checkpoint: val acc %.3f" % self.validate()[1])


Trainer(Config()).fit()
