"""Word-level language model with tied input and output embeddings on sentences of a toy grammar."""

import math
import os
import random

import torch
import torch.nn as nn

SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
torch.manual_seed(SEED)

NOUNS = {
    "s": ["dog", "cat", "bird", "child", "farmer", "king"],
    "p": ["dogs", "cats", "birds", "children", "farmers", "kings"],
}
VERBS = {"s": ["sees", "likes", "hears", "chases"], "p": ["see", "like", "hear", "chase"]}
ADJ = ["old", "small", "happy", "grey", "quiet"]


def noun_phrase(depth=0):
    num = random.choice("sp")
    words = ["a" if num == "s" and random.random() < 0.5 else "the"]
    if random.random() < 0.4:
        words.append(random.choice(ADJ))
    words.append(random.choice(NOUNS[num]))
    if depth == 0 and random.random() < 0.3:
        words += ["near"] + noun_phrase(1)[0]
    return words, num


def sentence():
    subj, num = noun_phrase()
    return subj + [random.choice(VERBS[num])] + noun_phrase(1)[0] + ["."]


def stream(n):
    return [w for _ in range(n) for w in sentence()]


train_words, val_words = stream(5000), stream(600)
vocab = sorted(set(train_words))
stoi = {w: i for i, w in enumerate(vocab)}


def batchify(words, columns):
    ids = torch.tensor([stoi[w] for w in words])
    rows = len(ids) // columns
    return ids[: rows * columns].view(columns, rows).t().contiguous()


train, val = batchify(train_words, 32), batchify(val_words, 8)


class TiedLM(nn.Module):
    def __init__(self, v, d=40):
        super().__init__()
        self.emb = nn.Embedding(v, d)
        nn.init.normal_(self.emb.weight, std=d**-0.5)
        self.rnn = nn.LSTM(d, d)
        self.drop = nn.Dropout(0.1)
        self.out = nn.Linear(d, v)
        self.out.weight = self.emb.weight

    def forward(self, x, state=None):
        h, state = self.rnn(self.drop(self.emb(x)), state)
        return self.out(self.drop(h)), state


def run(model, data, opt=None, bptt=20):
    model.train(opt is not None)
    state, total, count = None, 0.0, 0
    with torch.set_grad_enabled(opt is not None):
        for i in range(0, len(data) - 1, bptt):
            n = min(bptt, len(data) - 1 - i)
            x, y = data[i : i + n], data[i + 1 : i + 1 + n]
            logits, state = model(x, state)
            state = tuple(s.detach() for s in state)
            loss = nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())
            if opt is not None:
                opt.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 0.5)
                opt.step()
            total += loss.item() * y.numel()
            count += y.numel()
    return total / count


model = TiedLM(len(vocab))
opt = torch.optim.Adam(model.parameters(), lr=8e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 9, eta_min=2e-4)
for epoch in range(9):
    tr = run(model, train, opt)
    va = run(model, val)
    sched.step()
    print(f"epoch {epoch + 1} train {tr:.4f} val {va:.4f} val ppl {math.exp(va):.3f}")
