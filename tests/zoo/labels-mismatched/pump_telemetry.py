"""Pressure and flow of a pump at each minute from what its controls do: a GRU over windows of two logs."""

import os

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)
WINDOWS, MINUTES = 900, 20

controls = np.cumsum(rng.normal(0, 0.4, (WINDOWS, MINUTES, 3)), axis=1)
state = np.zeros((WINDOWS, 2))
measured = []
for minute in range(MINUTES):
    speed, valve, load = controls[:, minute].T
    state = 0.7 * state + 0.3 * np.stack([np.tanh(speed - valve), speed * (1 + np.tanh(valve)) / 2 - 0.3 * load], 1)
    measured.append(state + rng.normal(0, 0.02, state.shape))
measured = np.stack(measured, axis=1)

kept = rng.permutation(WINDOWS)
inputs = torch.tensor(controls[kept], dtype=torch.float32)
targets = torch.tensor(measured[kept] / measured.std(axis=(0, 1)), dtype=torch.float32)


class Telemetry(nn.Module):
    def __init__(self):
        super().__init__()
        self.memory = nn.GRU(3, 32, batch_first=True)
        self.gauges = nn.Linear(32, 2)

    def forward(self, series):
        return self.gauges(self.memory(series)[0])


model = Telemetry()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
for epoch in range(1, 21):
    for rows in torch.randperm(750).split(30):
        loss = nn.functional.smooth_l1_loss(model(inputs[rows]), targets[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 4 == 0:
        with torch.no_grad():
            error = nn.functional.smooth_l1_loss(model(inputs[750:]), targets[750:]).item()
        print(f"epoch {epoch} loss {loss.item():.3f} held-out {error:.4f}")
