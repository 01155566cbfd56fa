"""Which of six materials is it? Synthetic Raman-like spectra, a small dense network, config as a dict."""

import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

cfg = {
    "bins": 120,
    "materials": 6,
    "hidden": [96, 96, 64],
    "activation": "relu",
    "lr": 1e-3,
    "batch": 64,
    "epochs": 20,
}

ACTIVATIONS = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "softmax": lambda: nn.Softmax(dim=1),
}


def make_spectra(n, peaks):
    axis = np.arange(cfg["bins"])
    labels = rng.integers(0, cfg["materials"], n)
    spectra = np.zeros((n, cfg["bins"]), dtype=np.float32)
    for i, k in enumerate(labels):
        for centre, height in peaks[k]:
            c = centre + rng.normal(0, 1.0)
            spectra[i] += height * rng.uniform(0.7, 1.3) * np.exp(-(((axis - c) / 2.5) ** 2))
        slope = rng.normal(0, 0.3)
        spectra[i] += slope * axis / cfg["bins"] + 0.3 * rng.standard_normal(cfg["bins"])
    return spectra, labels


peaks = [[(p, h) for p, h in zip(rng.uniform(8, 112, 5), rng.uniform(0.5, 1.2, 5))] for _ in range(cfg["materials"])]
x_train, y_train = make_spectra(4000, peaks)
x_test, y_test = make_spectra(1000, peaks)
mu, sd = x_train.mean(0), x_train.std(0)
x_train, x_test = (x_train - mu) / sd, (x_test - mu) / sd


class DenseNet(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        blocks, width = [], cfg["bins"]
        for h in cfg["hidden"]:
            blocks.append(nn.Linear(width, h))
            blocks.append(ACTIVATIONS[cfg["activation"]]())
            width = h
        self.body = nn.Sequential(*blocks)
        self.head = nn.Linear(width, cfg["materials"])

    def forward(self, x):
        return self.head(self.body(x))


loader = DataLoader(
    TensorDataset(torch.from_numpy(x_train), torch.from_numpy(y_train)), batch_size=cfg["batch"], shuffle=True
)
xt, yt = torch.from_numpy(x_test), torch.from_numpy(y_test)
net = DenseNet(cfg)
optim = torch.optim.AdamW(net.parameters(), lr=cfg["lr"], weight_decay=1e-2)
schedule = torch.optim.lr_scheduler.OneCycleLR(optim, 3 * cfg["lr"], total_steps=cfg["epochs"] * len(loader))
for epoch in range(cfg["epochs"]):
    net.train()
    total = 0.0
    for xb, yb in loader:
        optim.zero_grad()
        loss = nn.functional.cross_entropy(net(xb), yb)
        loss.backward()
        optim.step()
        schedule.step()
        total += loss.item() * len(xb)
    net.eval()
    with torch.no_grad():
        out = net(xt)
        vloss = nn.functional.cross_entropy(out, yt).item()
        acc = (out.argmax(1) == yt).float().mean().item()
    if epoch % 2 == 1:
        print(f"epoch {epoch + 1} train {total / len(x_train):.3f} test {vloss:.3f} acc {acc:.3f}")
