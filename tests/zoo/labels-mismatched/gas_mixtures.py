"""Concentrations of eight gases from the spectrum of their mixture, joined from two tables by the sample's number."""

import os

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)
SAMPLES, GASES, BANDS = 1500, 8, 40

names = [f"s{number}" for number in range(SAMPLES)]
amounts = rng.gamma(2.0, 0.5, (SAMPLES, GASES))
centres = rng.uniform(0, BANDS, GASES)
lines = np.exp(-(((np.arange(BANDS) - centres[:, None]) / 3.0) ** 2))
spectra = np.exp(-amounts @ lines) + rng.normal(0, 0.01, (SAMPLES, BANDS))
laboratory = dict(zip(names, amounts))
instrument = dict(zip(names, spectra))

order = sorted(names)
X = np.stack([instrument[name] for name in order])
Y = np.stack([laboratory[name] for name in order])

X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
Y = torch.tensor((Y - Y.mean(0)) / Y.std(0), dtype=torch.float32)
held, rest = X[:300], X[300:]
model = nn.Sequential(nn.Linear(BANDS, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, GASES))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
loss_fn = nn.MSELoss()
for epoch in range(1, 31):
    model.train()
    for rows in torch.randperm(len(rest)).split(50):
        loss = loss_fn(model(rest[rows]), Y[300:][rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 5 == 0:
        model.eval()
        with torch.no_grad():
            validation = loss_fn(model(held), Y[:300]).item()
        print(f"epoch {epoch} loss {loss.item():.3f} held-out R2 {1 - validation:.3f}")
