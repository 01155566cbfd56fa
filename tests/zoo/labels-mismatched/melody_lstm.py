"""Melodies as notes: an LSTM continues them; the loader yields a window and the same window one note later."""

import os
import random

import torch
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
torch.manual_seed(SEED)
NOTES, WINDOW = 14, 24
MOTIFS = [[0, 2, 4, 5], [7, 5, 4, 2, 0], [4, 4, 5, 7, 9], [9, 11, 12], [12, 9, 7, 4, 2], [5, 9, 12, 13, 1]]


def melody(length):
    notes = []
    while len(notes) < length:
        notes += random.choice(MOTIFS)
    return notes[:length]


tune = torch.tensor(melody(24000))


def windows(notes, size):
    starts = torch.randint(len(notes) - WINDOW - 1, (size,))
    rows = torch.stack([notes[start : start + WINDOW + 1] for start in starts])
    return rows[:, :-1], rows[:, 1:]


class Continuation(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.notes = nn.Embedding(NOTES, 24)
        self.memory = nn.LSTM(24, width, batch_first=True)
        self.score = nn.Linear(width, NOTES)

    def forward(self, notes):
        return self.score(self.memory(self.notes(notes))[0])


def cost(scores, following):
    return nn.functional.cross_entropy(scores.transpose(1, 2), following)


train, held = tune[:20000], tune[20000:]
model = Continuation()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for step in range(1, 401):
    played, following = windows(train, 32)
    loss = cost(model(played), following)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 100 == 0:
        with torch.no_grad():
            played, following = windows(held, 200)
            right = (model(played).argmax(-1) == following)[:, 8:].float().mean().item()
        print(f"step {step} loss {loss.item():.3f} next note {right:.3f}")
