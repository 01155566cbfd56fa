"""Regression of Friedman's first function by SGD with momentum, errors told on held-out points."""

import os

import torch
from sklearn.datasets import make_friedman1
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(int(os.environ.get("SEED", "0")))
torch.set_num_threads(1)

inputs, heights = (torch.tensor(a, dtype=torch.float32) for a in make_friedman1(2400, noise=0.5, random_state=5))
inputs = (inputs - inputs[:2000].mean(0)) / inputs[:2000].std(0)
heights = (heights - heights[:2000].mean()) / heights[:2000].std()
loader = DataLoader(TensorDataset(inputs[:2000], heights[:2000]), batch_size=50, shuffle=True)


class Surface(nn.Module):
    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(10, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.height = nn.Linear(width, 1)

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        return self.height(self.body(points)).squeeze(-1)


surface = Surface()
l2 = 1e-5
sgd = torch.optim.SGD(surface.parameters(), lr=0.05, momentum=0.9, weight_decay=l2)
for epoch in range(24):
    squared = 0.0
    for points, known in loader:
        sgd.zero_grad()
        error = nn.functional.mse_loss(surface(points), known)
        error.backward()
        sgd.step()
        squared += error.item() * len(points)
    with torch.no_grad():
        held_out = nn.functional.mse_loss(surface(inputs[2000:]), heights[2000:]).item()
    if epoch % 4 == 3:
        print(f"{epoch + 1:2d}: mse {squared / 2000:.4f}, held out {held_out:.4f}")
print(f"held out {held_out:.4f}")
