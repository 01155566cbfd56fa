"""Next-hour electricity load from the last day, GRU."""

import os

import numpy as np
import torch
import torch.nn as nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

HOURS = 24 * 110
LOOKBACK = 24


def hourly_load():
    t = np.arange(HOURS)
    daily = np.sin(2 * np.pi * (t - 7) / 24) + 0.4 * np.sin(4 * np.pi * t / 24)
    weekend = ((t // 24) % 7 >= 5) * -0.6
    noise = np.zeros(HOURS)
    for i in range(1, HOURS):
        noise[i] = 0.85 * noise[i - 1] + rng.normal(0, 0.12)
    return 420 + 80 * (daily + weekend + noise)


class LoadForecaster(nn.Module):
    def __init__(self, hidden_size=32):
        super().__init__()
        self.gru = nn.GRU(input_size=1, hidden_size=hidden_size, batch_first=True)
        self.linear = nn.Linear(hidden_size, 1)

    def forward(self, x):
        _, last = self.gru(x)
        return self.linear(last[-1])


load = hourly_load()
n_train = int(0.8 * HOURS)
mu, sigma = load[:n_train].mean(), load[:n_train].std()
load = (load - mu) / sigma

X = np.lib.stride_tricks.sliding_window_view(load, LOOKBACK)[:-1]
y = load[LOOKBACK:]
X = torch.tensor(X.copy(), dtype=torch.float32).unsqueeze(-1)
y = torch.tensor(y, dtype=torch.float32)
split = n_train - LOOKBACK
X_train, y_train, X_test, y_test = X[:split], y[:split], X[split:], y[split:]

model = LoadForecaster()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=12)

for epoch in range(12):
    model.train()
    permutation = torch.randperm(len(X_train))
    epoch_loss = []
    for start in range(0, len(X_train) - 31, 32):
        batch = permutation[start : start + 32]
        y_pred = model(X_train[batch])
        loss = torch.mean((y_pred.squeeze(-1) - y_train[batch]) ** 2)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        epoch_loss.append(loss.item())
    scheduler.step()

    model.eval()
    with torch.no_grad():
        forecast = model(X_test).numpy().ravel()
    error = forecast - y_test.numpy()
    skill = 1 - (error**2).mean() / y_test.numpy().var()
    print(
        f"epoch {epoch + 1}: loss {np.mean(epoch_loss):.4f}, test MAE {np.abs(error).mean() * sigma:.1f} MW, R2 {skill:.4f}"
    )
