"""Elman network of 1990 with logistic units on the Reber grammar, unrolled by hand."""

import os
import random

import torch
from torch import nn

SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
torch.manual_seed(SEED)

LETTERS = "BTSXPVE"
GRAMMAR = {
    0: [("T", 1), ("P", 2)],
    1: [("S", 1), ("X", 3)],
    2: [("T", 2), ("V", 4)],
    3: [("X", 2), ("S", 5)],
    4: [("P", 3), ("V", 5)],
    5: [("E", None)],
}
MAX = 14


def reber():
    while True:
        word, legal, state = "B", [], 0
        while state is not None:
            moves = GRAMMAR[state]
            legal.append([m[0] for m in moves])
            letter, state = random.choice(moves)
            word += letter
        if len(word) <= MAX + 1:
            return word, legal


def encode(n):
    x = torch.zeros(n, MAX, len(LETTERS))
    y = torch.full((n, MAX), -100)
    ok = torch.zeros(n, MAX, len(LETTERS), dtype=torch.bool)
    for i in range(n):
        word, legal = reber()
        for t in range(len(word) - 1):
            x[i, t, LETTERS.index(word[t])] = 1.0
            y[i, t] = LETTERS.index(word[t + 1])
            for c in legal[t]:
                ok[i, t, LETTERS.index(c)] = True
    return x, y, ok


class Elman(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.hidden = hidden
        self.inp = nn.Linear(len(LETTERS), hidden)
        self.rec = nn.Linear(hidden, hidden, bias=False)
        self.out = nn.Linear(hidden, len(LETTERS))
        nn.init.normal_(self.inp.weight, std=1.5)
        nn.init.normal_(self.rec.weight, std=0.6)

    def forward(self, x):
        h = x.new_full((len(x), self.hidden), 0.5)
        outs = []
        for t in range(x.shape[1]):
            h = torch.sigmoid(self.inp(x[:, t]) + self.rec(h - 0.5))
            outs.append(self.out(h))
        return torch.stack(outs, 1)


x, y, _ = encode(2400)
xv, yv, okv = encode(400)
net = Elman()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
epochs = 16
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
criterion = nn.CrossEntropyLoss(ignore_index=-100)
for epoch in range(epochs):
    total = 0.0
    batches = torch.randperm(len(x)).split(48)
    for b in batches:
        loss = criterion(net(x[b]).transpose(1, 2), y[b])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    scheduler.step()
    with torch.no_grad():
        logits = net(xv)
        vloss = criterion(logits.transpose(1, 2), yv)
        legal_mass = (logits.softmax(-1) * okv).sum(-1)[yv >= 0].mean()
    print(f"epoch {epoch} loss {total / len(batches):.4f} val {vloss:.4f} mass on legal letters {legal_mass:.4f}")
