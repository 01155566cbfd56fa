"""One-step forecast of a water gauge: the series is read in order, the LSTM keeps its state (truncated BPTT)."""

import os

import numpy as np
import torch
from torch import nn

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)

STREAMS, CHUNK, EPOCHS = 16, 40, 9


def gauge(n):
    t = np.arange(n)
    tide = np.sin(2 * np.pi * t / 12.42) + 0.4 * np.sin(2 * np.pi * t / 12.0 + 1) + 0.3 * np.sin(2 * np.pi * t / 25.82)
    surge = np.zeros(n)
    for i in range(1, n):
        surge[i] = 0.95 * surge[i - 1] + np.random.normal(0, 0.1)
    return tide + surge + np.random.normal(0, 0.05, n)


series = gauge(24001)
n_train = 19200
mean, std = series[:n_train].mean(), series[:n_train].std()
series = torch.tensor((series - mean) / std, dtype=torch.float32)


def to_streams(x):
    usable = (len(x) - 1) // STREAMS * STREAMS
    return x[:usable].view(STREAMS, -1), x[1 : usable + 1].view(STREAMS, -1)


train_x, train_y = to_streams(series[: n_train + 1])
test_x, test_y = to_streams(series[n_train:])


class GaugeLSTM(nn.Module):
    def __init__(self, hidden=40):
        super().__init__()
        self.cell = nn.LSTM(1, hidden, batch_first=True)
        self.read = nn.Linear(hidden, 1)

    def forward(self, x, state=None):
        h, state = self.cell(x.unsqueeze(-1), state)
        return self.read(h).squeeze(-1), state


model = GaugeLSTM()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.6)
mse = nn.MSELoss()

for epoch in range(EPOCHS):
    model.train()
    state, losses = None, []
    for start in range(0, train_x.shape[1] - CHUNK + 1, CHUNK):
        x, y = train_x[:, start : start + CHUNK], train_y[:, start : start + CHUNK]
        if state is not None:
            state = tuple(s.detach() for s in state)
        pred, state = model(x, state)
        loss = mse(pred, y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    model.eval()
    with torch.no_grad():
        pred, _ = model(test_x)
        err = mse(pred[:, 20:], test_y[:, 20:]).item()
        naive = mse(test_x[:, 20:], test_y[:, 20:]).item()
    print(
        f"epoch {epoch + 1} train {np.mean(losses):.4f} test {err:.4f} persistence {naive:.4f} skill {1 - err / naive:.3f}"
    )
