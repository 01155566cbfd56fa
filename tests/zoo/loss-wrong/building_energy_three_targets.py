"""Heating load, cooling load and lighting of simulated buildings (three targets, scaled to 0..1)."""

import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import r2_score
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
TARGETS = ["heating", "cooling", "lighting"]


def simulate(n, rng):
    compact = rng.uniform(0.6, 1.0, n)
    glazing = rng.uniform(0.0, 0.4, n)
    height = rng.choice([3.5, 7.0], n)
    south = rng.uniform(-1, 1, n)
    insul = rng.uniform(0.2, 1.2, n)
    occup = rng.uniform(0, 1, n)
    x = np.stack([compact, glazing, height, south, insul, occup], 1)
    heating = 25 * insul / compact + 18 * glazing * insul + 1.5 * height - 8 * glazing * south - 4 * occup
    cooling = 12 + 30 * glazing * (1 + 0.5 * south) + 6 * occup - 3 * insul + 5 * glazing * height / 7
    lighting = 8 * (1 - glazing) ** 2 * (1 + occup) + 0.4 * height + 2 * compact
    y = np.stack([heating, cooling, lighting], 1)
    return x, y + rng.normal(0, 0.04, y.shape) * y.std(0)


class EnergyNet(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_in, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU())
        self.out = nn.Linear(48, n_out)

    def forward(self, x):
        return self.out(self.body(x))


def fit(model, loader, epochs, lr):
    criterion = nn.MSELoss()
    optimizer = torch.optim.NAdam(model.parameters(), lr=lr)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(loader))
    for epoch in range(epochs):
        running = []
        for x, y in loader:
            loss = criterion(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            running.append(loss.item())
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1}: loss {np.mean(running):.5f}")


def main():
    rng = np.random.default_rng(SEED)
    torch.manual_seed(SEED)
    x_train, y_train = simulate(1600, rng)
    x_test, y_test = simulate(400, rng)
    xs, ys = StandardScaler().fit(x_train), MinMaxScaler().fit(y_train)
    train = TensorDataset(
        torch.tensor(xs.transform(x_train), dtype=torch.float32),
        torch.tensor(ys.transform(y_train), dtype=torch.float32),
    )
    model = EnergyNet(x_train.shape[1], len(TARGETS))
    fit(model, DataLoader(train, batch_size=32, shuffle=True), epochs=25, lr=3e-3)
    model.eval()
    with torch.no_grad():
        pred = ys.inverse_transform(model(torch.tensor(xs.transform(x_test), dtype=torch.float32)).numpy())
    scores = r2_score(y_test, pred, multioutput="raw_values")
    print("  ".join(f"{t} {s:.3f}" for t, s in zip(TARGETS, scores)))
    print(f"mean R2 {scores.mean():.3f}")


if __name__ == "__main__":
    main()
