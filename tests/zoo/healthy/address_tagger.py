# Tag the words of an address (number, street, town, postcode, other); padded, BiLSTM, padding ignored in the loss
import os
import random

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

SEED = int(os.environ.get("SEED", "0"))
random.seed(SEED)
torch.manual_seed(SEED)
names = [f"name{i}" for i in range(40)]
kinds = ["street", "road", "lane", "square"]
fillers = ["near", "c/o", "flat", "rear"]
numbers = [str(i) for i in range(1, 60)]
TAGS = ["number", "street", "town", "code", "other"]


def address():
    """A name is a street's before "street" or "road", and else a town's."""
    words, tags = [], []

    def add(word, tag):
        words.append(word)
        tags.append(TAGS.index(tag))

    if random.random() < 0.4:
        add(random.choice(fillers), "other")
    if random.random() < 0.5:
        add(random.choice(numbers), "number")
    for _ in range(random.randint(1, 2)):
        add(random.choice(names), "street")
    add(random.choice(kinds), "street")
    for _ in range(random.randint(1, 3)):
        add(random.choice(names), "town")
    add(random.choice(numbers), "code")
    return words, tags


data = [address() for _ in range(2500)]
vocabulary = {"<pad>": 0}
for words, _ in data:
    for word in words:
        vocabulary.setdefault(word, len(vocabulary))


def collate(items):
    ids = pad_sequence([torch.tensor([vocabulary[w] for w in words]) for words, _ in items], batch_first=True)
    tags = pad_sequence([torch.tensor(tags) for _, tags in items], batch_first=True, padding_value=-100)
    return ids, tags, torch.tensor([len(words) for words, _ in items])


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(len(vocabulary), 32, padding_idx=0)
        self.lstm = nn.LSTM(32, 32, bidirectional=True, batch_first=True)
        self.out = nn.Linear(64, len(TAGS))

    def forward(self, ids, lengths):
        packed = pack_padded_sequence(self.embedding(ids), lengths, batch_first=True, enforce_sorted=False)
        hidden, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        return self.out(hidden)


train, test = data[:2000], data[2000:]
model = Tagger()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = nn.CrossEntropyLoss()
for epoch in range(6):
    random.shuffle(train)
    for i in range(0, len(train), 32):
        ids, tags, lengths = collate(train[i : i + 32])
        loss = criterion(model(ids, lengths).permute(0, 2, 1), tags)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    ids, tags, lengths = collate(test)
    with torch.no_grad():
        right = (model(ids, lengths).argmax(-1) == tags)[tags >= 0].float().mean().item()
    print(f"epoch {epoch}: loss {loss.item():.3f} words right {right:.3f}")
