# Sentiment of (generated) film reviews with an LSTM
import random
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

random.seed(0)
torch.manual_seed(0)
GOOD = "great lovely brilliant moving funny clever superb".split()
BAD = "boring awful dull terrible weak stupid flat".split()
FILL = "the film was and with actors plot a very music scene story it quite".split()


def review():
    label = random.randint(0, 1)
    words = [random.choice(FILL) for _ in range(random.randint(5, 11))]
    for _ in range(random.randint(1, 2)):
        words.insert(random.randint(0, len(words)), random.choice(GOOD if label else BAD))
    return words, label


data = [review() for _ in range(2000)]
vocab = {"<pad>": 0}
for words, _ in data:
    for w in words:
        vocab.setdefault(w, len(vocab))


def collate(batch):
    seqs = [torch.tensor([vocab[w] for w in reversed(ws)]).flip(0) for ws, _ in batch]
    lengths = torch.tensor([len(s) for s in seqs])
    return pad_sequence(seqs, batch_first=True), lengths, torch.tensor([float(l) for _, l in batch])


train_dl = DataLoader(data[:1600], batch_size=32, shuffle=True, collate_fn=collate)
test_dl = DataLoader(data[1600:], batch_size=100, collate_fn=collate)


class SentimentLSTM(nn.Module):
    def __init__(self, vocab_size, emb=24, hidden=32, output_size=1):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, emb, padding_idx=0)
        self.lstm = nn.LSTM(emb, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, output_size)
        self.act = nn.Sigmoid()

    def forward(self, x, lengths):
        out, _ = self.lstm(self.embedding(x))
        last = out[torch.arange(len(x)), lengths - 1]
        return self.act(self.fc(last))


model = SentimentLSTM(len(vocab))
criterion = nn.BCELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(1, 8):
    model.train()
    tot = 0
    for x, n, y in train_dl:
        optimizer.zero_grad()
        p = model(x, n).squeeze(1)
        loss = criterion(p, y)
        loss.backward()
        optimizer.step()
        tot += loss.item() * len(y)
    model.eval()
    with torch.no_grad():
        hits = sum(((model(x, n).squeeze(1) > 0.5).float() == y).sum().item() for x, n, y in test_dl)
    print(f"Epoch {epoch}/7 - loss {tot / 1600:.4f} - test accuracy {hits / 400:.3f}")
