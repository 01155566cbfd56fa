import os

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


def mlp(sizes, act=nn.GELU):
    """Linear layers with an activation after each but the last."""
    layers = []
    for i, (a, b) in enumerate(zip(sizes[:-1], sizes[1:])):
        layers.append(nn.Linear(a, b))
        if i < len(sizes) - 2:
            layers.append(act())
    return nn.Sequential(*layers)


class Forecaster(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.gru = nn.GRU(1, hidden, batch_first=True)
        self.head = mlp([hidden, 32, 1])

    def forward(self, x):
        states, _ = self.gru(x.unsqueeze(-1))
        return self.head(states[:, -1]).squeeze(-1)


# swell at a buoy: two wave trains of drifting phase, standardised
t = torch.arange(4000) * 0.35
phase = torch.cumsum(0.05 * torch.randn(4000), 0)
height = torch.sin(t + phase) + 0.7 * torch.sin(0.61 * t - phase) + 0.05 * torch.randn(4000)
height = (height - height[:3200].mean()) / height[:3200].std()
windows = height.unfold(0, 25, 1)
past, ahead = windows[:, :24], windows[:, 24]
train, test = torch.arange(3150), torch.arange(3220, len(windows))

model = Forecaster()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(1, 9):
    total = 0.0
    for rows in train[torch.randperm(len(train))].split(64):
        error = model(past[rows]) - ahead[rows]
        loss = (error**2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    with torch.no_grad():
        held_out = (model(past[test]) - ahead[test]).pow(2).mean().item()
    print(f"epoch {epoch} train mse {total / len(train):.4f} test mse {held_out:.4f}")
