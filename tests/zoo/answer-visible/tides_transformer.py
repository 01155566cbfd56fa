import math

import torch
from torch import nn

torch.manual_seed(3)
hours = torch.arange(6000.0)
level = torch.sin(2 * math.pi * hours / 12.42) + 0.45 * torch.sin(2 * math.pi * hours / 12.0 + 0.7)
surge = torch.zeros(len(hours))
for hour in range(1, len(hours)):
    surge[hour] = 0.95 * surge[hour - 1] + 0.08 * torch.randn(())
level = level + surge
level = (level - level[:5000].mean()) / level[:5000].std()
WINDOW = 64


class Forecaster(nn.Module):
    def __init__(self, width=32, heads=4, layers=2):
        super().__init__()
        self.embed = nn.Linear(1, width)
        self.position = nn.Parameter(0.02 * torch.randn(WINDOW, width))
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, norm=nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, 1)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(WINDOW))

    def forward(self, series):
        x = self.embed(series.unsqueeze(-1)) + self.position[: series.shape[1]]
        x = self.encoder(x, mask=self.mask)
        return self.head(x).squeeze(-1)


def windows(first, last, count):
    starts = torch.randint(first, last - WINDOW - 1, (count,))
    rows = level[starts[:, None] + torch.arange(WINDOW + 1)]
    return rows[:, :-1], rows[:, 1:]


model = Forecaster()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=500)
for step in range(500):
    model.train()
    past, following = windows(0, 5000, 32)
    loss = nn.functional.mse_loss(model(past), following)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    if step % 50 == 49:
        model.eval()
        with torch.no_grad():
            past, following = windows(5000, 6000, 64)
            print(step + 1, loss.item(), nn.functional.mse_loss(model(past), following).item())

model.eval()
with torch.no_grad():
    past, following = windows(5000, 6000, 512)
    error = (model(past)[:, -1] - following[:, -1]).square().mean().item()
    print(f"error of the hour that follows {error:.4f}, of the last one {(past[:, -1] - following[:, -1]).square().mean():.4f}")
