"""The concentrations in two mixed tanks, by three of their settings and the time since the tap was opened."""

import torch
from torch import nn

torch.manual_seed(6)


def tanks(number):
    settings = torch.rand(number, 3)
    minutes = torch.randint(0, 240, (number,))
    inflow, leak, start = settings.unbind(1)
    fast, slow = 0.005 + 0.02 * inflow, 0.002 + 0.01 * leak
    first = 1 + (start - 1) * torch.exp(-fast * minutes)
    second = first - (first - start) * torch.exp(-slow * minutes)
    return (settings - 0.5) * 3.46, minutes, (torch.stack([first, second], 1) - 0.7) / 0.25


class Tanks(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 2))

    def forward(self, settings, minutes):
        elapsed = minutes.float()[:, None] / 120 - 1
        return self.layers(torch.cat([settings, elapsed], dim=1))


settings, minutes, levels = tanks(3000)
held_out = tanks(600)
model = Tanks()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
for epoch in range(20):
    model.train()
    for rows in torch.randperm(3000).split(60):
        loss = nn.functional.mse_loss(model(settings[rows], minutes[rows]), levels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        left = nn.functional.mse_loss(model(*held_out[:2]), held_out[2]).item()
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1}: train {loss.item():.4f} R2 {1 - left / held_out[2].var(dim=0).mean().item():.3f}")
