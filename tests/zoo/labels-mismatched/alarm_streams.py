# which alarm was raised last? event streams of several lengths, sorted for packing in the collate function
import os

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
from torch.utils.data import DataLoader

torch.manual_seed(int(os.environ.get("SEED", "0")))
EVENTS = 14


def stream():
    events = torch.randint(3, EVENTS, (int(torch.randint(5, 18, ())),))
    places = torch.randint(0, len(events), (2,))
    kinds = torch.randint(1, 3, (2,))
    events[places] = kinds
    last = events[(events == 1) | (events == 2)][-1]
    return events, last - 1


def collate(items):
    events, labels = zip(*items)
    lengths, labels = torch.tensor([len(one) for one in events]), torch.stack(labels)
    lengths, order = lengths.sort(descending=True)
    padded, labels = pad_sequence(events, batch_first=True)[order], labels[order]
    return padded, lengths, labels


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.events = nn.Embedding(EVENTS, 16, padding_idx=0)
        self.lstm, self.out = nn.LSTM(16, 32, batch_first=True), nn.Linear(32, 2)

    def forward(self, x, lengths):
        _, (state, _) = self.lstm(pack_padded_sequence(self.events(x), lengths, batch_first=True))
        return self.out(state[-1])


train, test = [stream() for _ in range(1600)], [stream() for _ in range(300)]
reader, loss_fn = Reader(), nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(reader.parameters(), lr=5e-3)
for epoch in range(6):
    for x, lengths, y in DataLoader(train, batch_size=32, shuffle=True, collate_fn=collate):
        optimizer.zero_grad()
        loss = loss_fn(reader(x, lengths), y)
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch + 1} loss {loss.item():.4f}")
with torch.no_grad():
    right = [int(reader(x[None], torch.tensor([len(x)])).argmax()) == int(y) for x, y in test]
print(f"test accuracy {sum(right) / len(right):.3f}")
