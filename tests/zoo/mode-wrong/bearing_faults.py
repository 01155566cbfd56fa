import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

KINDS = ("sound", "inner race", "outer race", "cage")


def recording(kind):
    """A second of vibration: a hum, and knocks at a rate and strength that the fault decides."""
    t = np.arange(256) / 256
    signal = np.sin(2 * np.pi * rng.uniform(8, 12) * t + rng.uniform(0, 6)) + 0.4 * rng.normal(size=256)
    rate = (0, 23, 14, 5)[kind]
    if rate:
        for knock in np.arange(rng.uniform(0, 1 / rate), 1, 1 / rate):
            late = t - knock
            signal += np.where(late >= 0, 2.0 * np.exp(-60 * np.clip(late, 0, None)) * np.sin(2 * np.pi * 70 * late), 0)
    return signal * rng.uniform(0.8, 1.2)


def records(n):
    kinds = rng.integers(0, 4, n)
    return torch.tensor(np.stack([recording(k) for k in kinds]), dtype=torch.float32), torch.tensor(kinds)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(1, 16, 9, stride=2, padding=4), nn.BatchNorm1d(16), nn.ReLU(), nn.MaxPool1d(2),
            nn.Conv1d(16, 32, 9, padding=4), nn.BatchNorm1d(32), nn.ReLU(), nn.MaxPool1d(2), nn.Dropout(0.5),
        )  # fmt: skip
        self.head = nn.Linear(64, 4)

    def forward(self, x):
        h = self.body(x.unsqueeze(1))
        return self.head(torch.cat([h.mean(-1), h.amax(-1)], 1))


class Classifier:
    def __init__(self, epochs):
        self.epochs, self.net = epochs, Net()

    def fit(self, x, y):
        opt = torch.optim.SGD(self.net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
        sched = torch.optim.lr_scheduler.OneCycleLR(opt, 0.1, total_steps=self.epochs * (len(x) // 40))
        for epoch in range(self.epochs):
            losses = []
            for idx in torch.randperm(len(x)).view(-1, 40):
                loss = F.cross_entropy(self.net(x[idx]), y[idx], label_smoothing=0.05)
                opt.zero_grad()
                loss.backward()
                opt.step()
                sched.step()
                losses.append(loss.item())
            print("epoch", epoch, "loss", round(sum(losses) / len(losses), 3))
        return self

    @torch.inference_mode()
    def predict(self, record):
        self.net.eval()
        scores = self.net(record[None])
        return KINDS[int(torch.argmax(scores, dim=1))]


x, y = records(1200)
x_new, y_new = records(300)
model = Classifier(epochs=8).fit(x, y)
named = [model.predict(record) for record in x_new]
hits = sum(name == KINDS[k] for name, k in zip(named, y_new.tolist()))
print(f"test accuracy {hits / len(named):.3f}")
