import math
import os

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


class Positions(nn.Module):
    """Sines and cosines of each position."""

    def __init__(self, width, longest=64):
        super().__init__()
        at = torch.arange(longest).unsqueeze(1)
        rate = torch.exp(torch.arange(0, width, 2) * (-math.log(1000.0) / width))
        table = torch.zeros(longest, width)
        table[:, 0::2], table[:, 1::2] = torch.sin(at * rate), torch.cos(at * rate)
        self.register_buffer("table", table)

    def forward(self, x):
        return x + self.table[: x.size(1)]


class Cleaner(nn.Module):
    """Takes the echo out of a short recording, sample by sample."""

    def __init__(self, width=32):
        super().__init__()
        self.up = nn.Linear(1, width)
        self.positions = Positions(width)
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.down = nn.Linear(width, 1)

    def forward(self, recording):
        h = self.positions(self.up(recording.unsqueeze(-1)))
        return self.down(self.encoder(h)).squeeze(-1)


def recordings(n, length=20, delay=7):
    clean = torch.randn(n, length)
    heard = 0.3 * clean
    heard[:, delay:] += clean[:, :-delay]
    heard[:, :delay] += clean[:, -delay:]  # the room rings round
    return heard, clean


model = Cleaner()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for step in range(600):
    heard, clean = recordings(48)
    loss = nn.functional.mse_loss(model(heard), clean)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 100 == 99:
        print(f"step {step + 1}  loss {loss.item():.4f}")

model.eval()
with torch.no_grad():
    heard, clean = recordings(200)
    print(f"error left: {nn.functional.mse_loss(model(heard), clean).item():.4f}")
