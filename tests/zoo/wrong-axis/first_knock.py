"""Which of two knocks comes first, by a transformer encoder with sinusoidal positions."""

import math

import torch
from torch import nn

torch.manual_seed(0)
SOUNDS, LENGTH, WIDTH = 14, 12, 32


class Positions(nn.Module):
    """Sines and cosines of the place."""

    def __init__(self, width: int, longest: int = 500) -> None:
        super().__init__()
        place = torch.arange(longest).unsqueeze(1)
        speed = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
        table = torch.zeros(longest, 1, width)
        table[:, 0, 0::2], table[:, 0, 1::2] = torch.sin(place * speed), torch.cos(place * speed)
        self.register_buffer("table", table)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.table[: x.size(1)].transpose(0, 1)


class Listener(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.positions = nn.Embedding(SOUNDS, WIDTH), Positions(WIDTH)
        layer = nn.TransformerEncoderLayer(WIDTH, 4, 64, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(WIDTH, 2)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.encoder(self.positions(self.embedding(ids) * math.sqrt(WIDTH))).mean(dim=1))


ids = torch.randint(3, SOUNDS, (2400, LENGTH))
places = torch.stack([torch.randperm(LENGTH)[:2] for _ in range(2400)])
rows = torch.arange(2400)
ids[rows, places[:, 0]], ids[rows, places[:, 1]] = 1, 2
first = (places[:, 0] < places[:, 1]).long()

model = Listener()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(14):
    model.train()
    for part in torch.randperm(2000).split(40):
        loss = nn.functional.cross_entropy(model(ids[part]), first[part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        right = (model(ids[2000:]).argmax(dim=1) == first[2000:]).float().mean().item()
    print(f"epoch {epoch} loss {loss.item():.3f} accuracy {right:.3f}")
