# Classify synthetic instruments from the spectrum of one note.
import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)

config = {
    "hidden": [64, 64, 32],
    "batch_size": 50,
    "epochs": 14,
    "lr": 2e-3,
}

INSTRUMENTS = ["flute", "clarinet", "violin", "bell", "organ", "trumpet", "harp"]


def note(kind, n=128):
    t = np.arange(n) / n
    f = np.random.uniform(5, 9)
    k = np.arange(1, 8)
    amp = {
        "flute": 1.0 / k**3,
        "clarinet": (k % 2) / k,
        "violin": 1.0 / k,
        "bell": np.exp(-(((k - 4) / 1.5) ** 2)),
        "organ": np.isin(k, [1, 2, 4]).astype(float),
        "trumpet": np.exp(-(((k - 2.5) / 1.2) ** 2)),
        "harp": 1.0 / k**1.5 * (1 + (k % 3 == 0)),
    }[kind]
    amp = amp * np.random.uniform(0.85, 1.15, len(k))
    phase = np.random.uniform(0, 2 * np.pi, len(k))
    wave = (amp[:, None] * np.sin(2 * np.pi * f * k[:, None] * t + phase[:, None])).sum(0)
    wave = wave / np.abs(wave).max() + 0.05 * np.random.randn(n)
    return np.log(np.abs(np.fft.rfft(wave * np.hanning(n))) + 0.1)


labels = np.arange(5600) % len(INSTRUMENTS)
features = np.stack([note(INSTRUMENTS[c]) for c in labels])
X_train, X_test, y_train, y_test = train_test_split(
    features, labels, test_size=0.2, stratify=labels, random_state=SEED
)
scaler = StandardScaler().fit(X_train)
X_train = torch.tensor(scaler.transform(X_train), dtype=torch.float32)
X_test = torch.tensor(scaler.transform(X_test), dtype=torch.float32)
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)


def make_mlp(n_in, hidden, n_out):
    layers = []
    for width in hidden:
        layers.append(nn.Linear(n_in, width))
        layers.append(nn.ReLU())
        n_in = width
    layers.append(nn.Linear(n_in, n_out))
    return nn.Sequential(*layers)


net = make_mlp(X_train.shape[1], config["hidden"], len(INSTRUMENTS))
loss_fn = nn.CrossEntropyLoss()
opt = torch.optim.AdamW(net.parameters(), lr=config["lr"], weight_decay=0.02)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, config["epochs"])

for epoch in range(config["epochs"]):
    net.train()
    perm = torch.randperm(len(X_train))
    losses = []
    for i in range(0, len(perm), config["batch_size"]):
        idx = perm[i : i + config["batch_size"]]
        loss = loss_fn(net(X_train[idx]), y_train[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    sched.step()
    net.eval()
    with torch.no_grad():
        test_loss = loss_fn(net(X_test), y_test).item()
    print(f"{epoch + 1:2d} train {np.mean(losses):.4f} test {test_loss:.4f}")

with torch.no_grad():
    acc = (net(X_test).argmax(1) == y_test).float().mean().item()
print(f"accuracy: {acc:.4f}")
