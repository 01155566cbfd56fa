"""Activity from wristband windows: lying, walking, running, device taken off."""
import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)

ACTIVITIES = ["lying", "walking", "running", "off"]
W = 64


def record(kind):
    t = np.arange(W) / 32
    phase = np.random.uniform(0, 2 * np.pi, 3)[:, None]
    if kind == "off":
        return np.repeat(np.round(np.random.uniform(-1, 1, (3, 1)), 2), W, axis=1)
    if kind == "lying":
        signal = 0.1 * np.sin(2 * np.pi * np.random.uniform(0.2, 0.4) * t + phase)
        noise = 0.05
    else:
        f = np.random.uniform(1.5, 2.1) if kind == "walking" else np.random.uniform(2.5, 3.4)
        a = np.random.uniform(0.5, 1.2)
        signal = a * np.sin(2 * np.pi * f * t + phase) + 0.4 * a * np.sin(4 * np.pi * f * t + 2 * phase)
        noise = 0.35
    return signal + noise * np.random.randn(3, W) + np.random.uniform(-1, 1, (3, 1))


class Windows(Dataset):
    def __init__(self, n):
        p = [0.35, 0.35, 0.2, 0.1]
        self.y = np.random.choice(4, n, p=p)
        self.x = [record(ACTIVITIES[k]) for k in self.y]

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        w = self.x[i]
        w = (w - w.mean(axis=1, keepdims=True)) / (w.std(axis=1, keepdims=True) + 1e-3)
        return torch.tensor(w, dtype=torch.float32), int(self.y[i])


class ActivityNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv1d(3, 16, 7, padding=3), nn.ReLU(), nn.MaxPool1d(2),
            nn.Conv1d(16, 32, 5, padding=2), nn.ReLU(), nn.AdaptiveAvgPool1d(4), nn.Flatten(),
        )
        self.head = nn.Linear(128, 4)

    def forward(self, x):
        return self.head(self.conv(x))


def epoch_loop(model, loader, opt=None):
    model.train(opt is not None)
    loss_sum, hits = 0.0, 0
    for x, y in loader:
        with torch.set_grad_enabled(opt is not None):
            out = model(x)
            loss = nn.functional.cross_entropy(out, y)
        if opt is not None:
            opt.zero_grad()
            loss.backward()
            opt.step()
        loss_sum += loss.item() * len(y)
        hits += (out.argmax(1) == y).sum().item()
    return loss_sum / len(loader.dataset), hits / len(loader.dataset)


if __name__ == "__main__":
    train_loader = DataLoader(Windows(1800), batch_size=36, shuffle=True)
    test_loader = DataLoader(Windows(500), batch_size=100)
    model = ActivityNet()
    opt = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 8)
    for epoch in range(8):
        tr_loss, tr_acc = epoch_loop(model, train_loader, opt)
        sched.step()
        te_loss, te_acc = epoch_loop(model, test_loader)
        print(f"{epoch + 1:2d} train {tr_loss:.4f}/{tr_acc:.3f} test {te_loss:.4f} acc {te_acc:.3f}")
