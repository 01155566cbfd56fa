"""Small CNN on digits with an image pipeline as in a data module."""

import os

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


class DigitsModule:
    def __init__(self, batch_size=50):
        self.batch_size = batch_size
        raw = load_digits()
        grey = np.clip(raw.images / 16.0, 0.0, 0.999)
        self.images = torch.from_numpy(grey.astype(np.float32)).unsqueeze(1)
        self.labels = torch.from_numpy(raw.target)
        self.perm = torch.randperm(len(self.labels))

    def train(self):
        idx = self.perm[:1400]
        for b in idx[torch.randperm(1400)].split(self.batch_size):
            yield self.images[b].float(), self.labels[b]

    def test(self):
        idx = self.perm[1400:]
        return self.images[idx].float() * 1.0, self.labels[idx]


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 16, 3)
        self.fc = nn.Linear(16 * 9, 10)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.conv(x)), 2)
        return self.fc(x.flatten(1))


data, net = DigitsModule(), CNN()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(12):
    total = 0
    for x, t in data.train():
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(x), t)
        loss.backward()
        opt.step()
        total += loss.item() / 28
    if epoch % 3 == 2:
        print("epoch", epoch + 1, "loss", round(total, 4))
with torch.no_grad():
    x, t = data.test()
    print("test acc", (net(x).argmax(1) == t).float().mean().item())
