"""A line through two readings of a pump, whose units differ by a factor of three hundred."""

import os

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
readings = torch.randn(400, 2) * torch.tensor([0.03, 12.0])
power = readings @ torch.tensor([[40.0], [-1.0]]) + 0.05 * torch.randn(400, 1)
readings = (readings - readings[:300].mean(0)) / readings[:300].std(0)

model = nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for step in range(600):
    rows = torch.randint(300, (50,))
    loss = nn.functional.mse_loss(model(readings[rows]), power[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
with torch.no_grad():
    error = nn.functional.mse_loss(model(readings[300:]), power[300:]) / power[300:].var()
print(f"unexplained {error:.4f}")
