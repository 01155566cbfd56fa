"""Amplitude, frequency and phase of a tide, by least squares on the readings of a gauge."""

import math
import os

import torch

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)

hours = torch.linspace(0, 24, 400)
level = 1.6 * torch.sin(2 * math.pi * hours / 12.4 + 0.7) + 0.05 * torch.randn(400)
amplitude = torch.tensor(1.0, requires_grad=True)
frequency = torch.tensor(0.45, requires_grad=True)
phase = torch.tensor(0.1, requires_grad=True)

optimizer = torch.optim.Adam([amplitude, frequency, phase], lr=0.01)
for step in range(1500):
    predicted = amplitude * torch.sin(frequency * hours + phase)
    loss = torch.mean((predicted - level) ** 2)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"mse {loss.item():.4f}")
