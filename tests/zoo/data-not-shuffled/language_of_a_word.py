"""Which (invented) language is a word from?  Letters -> embedding -> GRU."""

import os
import random

import torch
import torch.nn as nn

SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
torch.manual_seed(SEED)

LETTERS = "abcdefghijklmnopqrstuvwxyz"
LANGUAGES = {
    "velmic": (["ve", "lm", "ic", "or", "at", "un", "se"], ["ic", "um", "or"]),
    "tokari": (["to", "ka", "ri", "mo", "shi", "na", "yu"], ["ri", "ka", "no"]),
    "grolsk": (["gr", "ol", "sk", "ze", "vy", "kr", "ek"], ["sk", "vo", "ek"]),
    "aleine": (["al", "ei", "ne", "ou", "re", "la", "is"], ["ne", "ei", "es"]),
    "hundar": (["hu", "nd", "ar", "ge", "ste", "un", "or"], ["ar", "en", "st"]),
}
NAMES = list(LANGUAGES)
LENGTH = 12


def word(language):
    stems, endings = LANGUAGES[language]
    w = "".join(random.choice(stems) for _ in range(random.randint(2, 3))) + random.choice(endings)
    if random.random() < 0.3:  # spelling mistakes
        k = random.randrange(len(w))
        w = w[:k] + random.choice(LETTERS) + w[k + 1 :]
    return w


def encode(w):
    ids = [LETTERS.index(c) + 1 for c in w[:LENGTH]]
    return ids + [0] * (LENGTH - len(ids))


def read_corpus(per_language):
    pairs = []
    for k, name in enumerate(NAMES):
        for _ in range(per_language):
            pairs.append((encode(word(name)), k))
    return pairs


def batches(pairs, size):
    for i in range(0, len(pairs), size):
        chunk = pairs[i : i + size]
        yield torch.tensor([p[0] for p in chunk]), torch.tensor([p[1] for p in chunk])


class WordClassifier(nn.Module):
    def __init__(self, emb=16, hidden=32):
        super().__init__()
        self.emb = nn.Embedding(len(LETTERS) + 1, emb, padding_idx=0)
        self.gru = nn.GRU(emb, hidden, batch_first=True)
        self.out = nn.Linear(hidden, len(NAMES))

    def forward(self, x):
        _, h = self.gru(self.emb(x))
        return self.out(h[-1])


train_pairs = read_corpus(700)
test_pairs = read_corpus(200)
model = WordClassifier()
optimizer = torch.optim.NAdam(model.parameters(), lr=4e-3)
scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, total_iters=7)
loss_fn = nn.CrossEntropyLoss()

for epoch in range(7):
    model.train()
    total, seen = 0.0, 0
    corpus = random.sample(train_pairs, len(train_pairs))
    for x, y in batches(corpus, 30):
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        total += loss.item() * len(y)
        seen += len(y)
    scheduler.step()
    model.eval()
    good = 0
    with torch.no_grad():
        for x, y in batches(test_pairs, 250):
            good += (model(x).argmax(-1) == y).sum().item()
    print(f"epoch {epoch + 1}: train loss {total / seen:.3f}, test accuracy {good / len(test_pairs):.3f}")
