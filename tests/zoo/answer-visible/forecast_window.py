"""A GRU forecasts the next value of noisy waves from a window of 24."""
import torch
from torch import nn

torch.manual_seed(0)


def windows(n):
    t = torch.rand(n, 1) * 50 + torch.arange(25) * 0.3
    series = torch.sin(t) + 0.5 * torch.sin(2.3 * t) + 0.05 * torch.randn(n, 25)
    return series[:, :24].unsqueeze(-1), series[:, 24:]


class Forecaster(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru, self.head = nn.GRU(1, 32, batch_first=True), nn.Linear(32, 1)

    def forward(self, x):
        return self.head(self.gru(x)[0][:, -1])


model = Forecaster()
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
for step in range(400):
    x, y = windows(64)
    loss = nn.functional.mse_loss(model(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 100 == 99:
        print(loss.item())
