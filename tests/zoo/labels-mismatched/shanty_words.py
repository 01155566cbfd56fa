"""A language model over the words of a shanty, which goes on with what it gives."""

import torch
from torch import nn

torch.manual_seed(0)
VERSE = (
    "what shall we do with the drunken sailor early in the morning way hay and up she rises early in the morning "
    "put him in the long boat till he is sober pull out the plug and wet him all over early in the morning"
).split()
words = VERSE * 40
vocabulary = {word: number for number, word in enumerate(dict.fromkeys(words))}
inputs = torch.tensor([vocabulary[word] for word in words])
targets = torch.tensor([vocabulary[word] for word in words])
LENGTH = 24


class Words(nn.Module):
    def __init__(self, count: int, width: int = 32) -> None:
        super().__init__()
        self.embedding, self.cell = nn.Embedding(count, width), nn.LSTM(width, 64, batch_first=True)
        self.head = nn.Linear(64, count)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.cell(self.embedding(ids))[0])


model = Words(len(vocabulary))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for step in range(250):
    starts = torch.randint(0, len(inputs) - LENGTH - 1, (24,))
    x = torch.stack([inputs[at : at + LENGTH] for at in starts])
    y = torch.stack([targets[at + 1 : at + LENGTH + 1] for at in starts])
    loss = nn.functional.cross_entropy(model(x).flatten(0, 1), y.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(f"step {step} loss {loss.item():.4f}")

said = inputs[:8].tolist()
with torch.no_grad():
    for _ in range(30):
        said.append(int(model(torch.tensor([said]))[0, -1].argmax()))
right = sum(one == other for one, other in zip(said[8:], inputs[8:38].tolist(), strict=True)) / 30
print(f"words gone on with {right:.3f}")
