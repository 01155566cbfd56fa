# sentiment of short comments; GRU, last hidden state of each comment taken by its length
import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
N, LONGEST, VOCAB = 3000, 60, 120
GOOD, BAD, NOT = range(1, 21), range(21, 41), 41

words = torch.randint(42, VOCAB, (N, LONGEST))
lengths = torch.randint(4, 12, (N,))
lengths[::15] = LONGEST  # now and then somebody writes a novel
labels = torch.randint(0, 2, (N,))
for i in range(N):
    at = int(torch.randint(1, int(lengths[i]), ()))
    negated = bool(torch.rand(()) < 0.5)
    good = bool(labels[i]) != negated
    words[i, at] = int(torch.randint(1, 21, ())) if good else int(torch.randint(21, 41, ()))
    if negated:
        words[i, at - 1] = NOT
words = words.masked_fill(torch.arange(LONGEST) >= lengths[:, None], 0)


class Polarity(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, 32)
        self.gru = nn.GRU(32, 48, batch_first=True)
        self.fc = nn.Linear(48, 2)

    def forward(self, x, lengths):
        out, _ = self.gru(self.embedding(x))
        last = out[torch.arange(len(x)), lengths - 1]
        return self.fc(last)


model = Polarity()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(10):
    for rows in torch.randperm(2500).split(50):
        optimizer.zero_grad()
        loss = criterion(model(words[rows], lengths[rows]), labels[rows])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        accuracy = (model(words[2500:], lengths[2500:]).argmax(1) == labels[2500:]).float().mean().item()
    print(f"epoch {epoch + 1}: loss {loss.item():.3f}, test accuracy {accuracy:.3f}")
