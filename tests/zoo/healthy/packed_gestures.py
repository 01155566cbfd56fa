# Which gesture is it? An LSTM over strokes of several lengths, packed; the last hidden state is classified
import os

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

torch.manual_seed(int(os.environ.get("SEED", "0")))
CODES, KINDS = 9, 5  # eight directions of the pen, and 0 for padding
shapes = [[1, 3, 5, 7], [1, 1, 5, 5], [2, 4, 6, 8], [3, 1, 3, 1], [8, 7, 6, 5]]


def stroke():
    kind = int(torch.randint(KINDS, ()))
    path = [d for d in shapes[kind] for _ in range(int(torch.randint(2, 9, ())))]
    noise = torch.rand(len(path)) < 0.15
    path = torch.where(noise, torch.randint(1, CODES, (len(path),)), torch.tensor(path))
    return path, kind


class Gestures(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(CODES, 16, padding_idx=0)
        self.lstm = nn.LSTM(16, 32, batch_first=True, bidirectional=True)
        self.head = nn.Linear(64, KINDS)

    def forward(self, ids, lengths):
        packed = pack_padded_sequence(self.embed(ids), lengths, batch_first=True, enforce_sorted=False)
        _, (hidden, _) = self.lstm(packed)
        return self.head(torch.cat([hidden[0], hidden[1]], dim=1))


def batches(data, size=40):
    for rows in torch.randperm(len(data)).split(size):
        paths = [data[int(i)][0] for i in rows]
        yield pad_sequence(paths, batch_first=True), torch.tensor([len(p) for p in paths]), torch.tensor([data[int(i)][1] for i in rows])


train, test = [stroke() for _ in range(2000)], [stroke() for _ in range(400)]
model = Gestures()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
loss_fn = nn.CrossEntropyLoss()
for epoch in range(6):
    model.train()
    for ids, lengths, kinds in batches(train):
        optimizer.zero_grad()
        loss = loss_fn(model(ids, lengths), kinds)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        right = sum((model(ids, lengths).argmax(1) == kinds).sum().item() for ids, lengths, kinds in batches(test))
    print(f"epoch {epoch}: loss {loss.item():.3f}, recognised {right / len(test):.3f}")
