"""Identify the impulse response of a loudspeaker and room from a recording: 16 taps, learned by gradient descent."""
import os

import numpy as np
import torch
from torch import nn

SEED = int(os.environ.get("SEED", 0))
TAPS = 16
EPOCHS = 30
BATCH = 128


def record(rng, n=6000):
    """Music-like excitation, the response of the room, a little microphone noise."""
    source = np.zeros(n)
    noise = rng.normal(size=n)
    for t in range(1, n):
        source[t] = 0.995 * source[t - 1] + noise[t]
    room = np.array([0.9 ** k * np.cos(2.4 * k + 0.4) for k in range(TAPS)])
    room -= room.mean()
    heard = np.convolve(source, room)[:n]
    heard = heard + 0.05 * heard.std() * rng.normal(size=n)
    return source, heard


def frames(signal, taps):
    return np.lib.stride_tricks.sliding_window_view(signal, taps)[:, ::-1].copy()


def prepare(source, heard):
    source, heard = source[1:] - 0.995 * source[:-1], heard[1:] - 0.995 * heard[:-1]
    source = source / source.std()
    heard = heard / heard.std()
    return frames(source, TAPS), heard[TAPS - 1:]


rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)
source, heard = record(rng)
x, y = prepare(source, heard)
x = torch.tensor(x, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32).unsqueeze(1)
split = 4800
x_train, y_train, x_test, y_test = x[:split], y[:split], x[split:], y[split:]

fir = nn.Linear(TAPS, 1, bias=False)
optimizer = torch.optim.SGD(fir.parameters(), lr=0.055)
criterion = nn.MSELoss()

for epoch in range(EPOCHS):
    order = torch.randperm(split)
    total = 0.0
    for idx in order.split(BATCH):
        optimizer.zero_grad()
        loss = criterion(fir(x_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1}: mse {total / split:.5f}")

with torch.no_grad():
    residual = (fir(x_test) - y_test).pow(2).mean()
print(f"explained {max(0.0, 1 - (residual / y_test.pow(2).mean()).item()):.4f}")
