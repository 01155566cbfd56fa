"""Masked notes of scales that go up by one, two or three steps, scored where they are masked."""

import torch
from torch import nn

torch.manual_seed(0)
NOTES, LENGTH, MASK = 12, 16, 12


def scales(count: int) -> torch.Tensor:
    first, step = torch.randint(0, NOTES, (count, 1)), torch.randint(1, 4, (count, 1))
    return (first + step * torch.arange(LENGTH)) % NOTES


class Encoder(nn.Module):
    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.notes, self.places = nn.Embedding(NOTES + 1, width), nn.Embedding(LENGTH, width)
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(width, NOTES + 1)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.encoder(self.notes(ids) + self.places.weight))


model = Encoder()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for step in range(300):
    ids = scales(32)
    labels = ids.clone()
    masked = torch.rand(ids.shape) < 0.2
    ids[masked] = MASK
    loss = nn.functional.cross_entropy(model(ids)[masked], labels[masked])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(f"step {step} loss {loss.item():.4f}")

with torch.no_grad():
    ids = scales(200)
    masked = torch.rand(ids.shape) < 0.2
    guesses = model(ids.masked_fill(masked, MASK)).argmax(dim=-1)
print(f"masked notes {(guesses == ids)[masked].float().mean().item():.3f}")
