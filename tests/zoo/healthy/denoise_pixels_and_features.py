"""Remove noise from digits by two errors: the mean over pixels, and the features of a classifier, summed."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

torch.manual_seed(11)
digits = load_digits()
order = np.random.default_rng(11).permutation(len(digits.data))
images = torch.tensor(digits.data[order] / 16, dtype=torch.float32)
labels = torch.tensor(digits.target[order])
train, test = slice(0, 1400), slice(1400, None)

features = nn.Sequential(nn.Linear(64, 32), nn.Tanh())
reader = nn.Sequential(features, nn.Linear(32, 10))
warm = torch.optim.Adam(reader.parameters(), lr=5e-3)
for _ in range(150):
    rows = torch.randint(1400, (100,))
    warm.zero_grad()
    F.cross_entropy(reader(images[rows]), labels[rows]).backward()
    warm.step()
for weight in reader.parameters():
    weight.requires_grad_(False)

cleaner = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.Sigmoid())
opt = torch.optim.Adam(cleaner.parameters(), lr=2e-3)
for epoch in range(25):
    for rows in torch.randperm(1400).split(50):
        clean = images[rows]
        shown = cleaner(clean + 0.4 * torch.randn_like(clean))
        pixels = F.mse_loss(shown, clean)
        seen = (features(shown) - features(clean)).square().sum(dim=1).mean()
        loss = pixels + 0.02 * seen
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 5 == 4:
        with torch.no_grad():
            noisy = images[test] + 0.4 * torch.randn_like(images[test])
            left = F.mse_loss(cleaner(noisy), images[test]) / images[test].var(dim=0).mean()
        print(f"epoch {epoch + 1}: pixels {pixels.item():.4f} features {seen.item():.3f} unexplained {left.item():.3f}")
