"""Skip-gram with negative sampling, as in the original word2vec: random input vectors, output vectors start at zero."""

import os

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

SEED = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

TOPICS, PER_TOPIC, COMMON = 8, 20, 15
VOCAB = TOPICS * PER_TOPIC + COMMON


def sentences(n, length=10):
    out = np.empty((n, length), dtype=np.int64)
    zipf = 1 / np.arange(1, PER_TOPIC + 1)
    for i in range(n):
        topic = rng.integers(TOPICS)
        words = topic * PER_TOPIC + rng.choice(PER_TOPIC, length, p=zipf / zipf.sum())
        filler = rng.random(length) < 0.25
        words[filler] = TOPICS * PER_TOPIC + rng.integers(0, COMMON, filler.sum())
        out[i] = words
    return out


def skip_grams(corpus, window=3):
    pairs = []
    for shift in range(1, window + 1):
        a, b = corpus[:, :-shift].ravel(), corpus[:, shift:].ravel()
        pairs += [np.stack([a, b], 1), np.stack([b, a], 1)]
    return torch.from_numpy(np.concatenate(pairs))


class SkipGram(nn.Module):
    def __init__(self, vocab, dim=24):
        super().__init__()
        self.inp = nn.Embedding(vocab, dim)
        self.out = nn.Embedding(vocab, dim)
        nn.init.uniform_(self.inp.weight, -0.5 / dim, 0.5 / dim)
        nn.init.zeros_(self.out.weight)

    def forward(self, centre, context, negatives):
        v = self.inp(centre)
        positive = (v * self.out(context)).sum(-1)
        negative = (v.unsqueeze(1) * self.out(negatives)).sum(-1)
        return -(F.logsigmoid(positive).mean() + F.logsigmoid(-negative).sum(1).mean())


def neighbours_right(model, k=5):
    w = F.normalize(model.inp.weight.detach()[: TOPICS * PER_TOPIC], dim=1)
    sim = w @ w.T
    sim.fill_diagonal_(-1)
    near = sim.topk(k, dim=1).indices // PER_TOPIC
    return (near == (torch.arange(len(w)) // PER_TOPIC).unsqueeze(1)).float().mean().item()


corpus = sentences(2200)
pairs = skip_grams(corpus)
freq = torch.from_numpy(np.bincount(corpus.ravel(), minlength=VOCAB)).float() ** 0.75
held_out = skip_grams(sentences(300))
model = SkipGram(VOCAB)
EPOCHS, BATCH = 5, 256
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda e: (1 - e / EPOCHS) ** 2)

for epoch in range(EPOCHS):
    total = 0.0
    for idx in torch.randperm(len(pairs)).split(BATCH):
        centre, context = pairs[idx].unbind(1)
        negatives = torch.multinomial(freq, len(idx) * 5, replacement=True).view(-1, 5)
        loss = model(centre, context, negatives)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    scheduler.step()
    with torch.no_grad():
        c, o = held_out.unbind(1)
        test = model(c, o, torch.multinomial(freq, len(c) * 5, replacement=True).view(-1, 5)).item()
    print(
        f"epoch {epoch + 1} loss {total / len(pairs):.4f} held out {test:.4f} neighbours of the same topic {neighbours_right(model):.3f}"
    )
