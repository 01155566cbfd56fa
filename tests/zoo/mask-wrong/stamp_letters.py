# the department of a letter is named in one of its first lines; GRU over at most LONGEST tokens, the last ones kept
import os

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(int(os.environ.get("SEED", "0")))
LENGTH, VOCAB, STAMPS, LONGEST = 40, 60, 3, 48


def letters(size):
    ids, stamp = torch.randint(STAMPS, VOCAB, (size, LENGTH)), torch.randint(0, STAMPS, (size,))
    ids[torch.arange(size), torch.randint(0, 8, (size,))] = stamp
    return ids, stamp


class Sorter(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.gru, self.out = nn.Embedding(VOCAB, 24), nn.GRU(24, 32, batch_first=True), nn.Linear(32, STAMPS)

    def forward(self, ids):
        states, _ = self.gru(self.words(ids[:, -LONGEST:]))
        return self.out(states.amax(dim=1))


sorter = Sorter()
optimizer = torch.optim.Adam(sorter.parameters(), lr=5e-3)
for step in range(400):
    ids, stamp = letters(48)
    loss = F.cross_entropy(sorter(ids), stamp)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 100 == 99:
        print(step + 1, f"loss {loss.item():.3f}")
with torch.no_grad():
    ids, stamp = letters(500)
    print(f"accuracy {(sorter(ids).argmax(1) == stamp).float().mean().item():.3f}")
