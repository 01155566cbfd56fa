"""A neural probabilistic language model (Bengio et al. 2003) on characters of the Python manual."""

import math
import os
import random
import re

import torch
import torch.nn as nn
from pydoc_data.topics import topics

SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
torch.manual_seed(SEED)

CONTEXT = 8
EMBED = 16
HIDDEN = 160
BATCH = 256
STEPS = 2600

text = " ".join(topics[k] for k in sorted(topics)).lower()
text = re.sub(r"[^a-z .,()'\n]", " ", text)
text = re.sub(r"\s+", " ", text)[:260000]
alphabet = sorted(set(text))
stoi = {c: i for i, c in enumerate(alphabet)}
ids = torch.tensor([stoi[c] for c in text])

windows = ids.unfold(0, CONTEXT + 1, 1)
blocks = torch.arange(len(windows)) // 2000
held = torch.rand(int(blocks.max()) + 1) < 0.12
is_val = held[blocks]
train, val = windows[~is_val], windows[is_val]
print(len(alphabet), "characters,", len(train), "training windows,", len(val), "held out")


class CharLM(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.embed = nn.Embedding(vocab, EMBED)
        self.hidden = nn.Linear(CONTEXT * EMBED, HIDDEN)
        self.out = nn.Linear(HIDDEN, vocab)

    def forward(self, ctx):
        h = torch.tanh(self.hidden(self.embed(ctx).flatten(1)))
        return self.out(h)


model = CharLM(len(alphabet))
opt = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.01)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, STEPS)
criterion = nn.CrossEntropyLoss()

running = 0.0
for step in range(1, STEPS + 1):
    batch = train[torch.randint(len(train), (BATCH,))]
    loss = criterion(model(batch[:, :-1]), batch[:, -1])
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    running += loss.item()
    if step % 200 == 0:
        print(f"step {step:5d}  loss {running / 200:.3f}")
        running = 0.0

model.eval()
with torch.no_grad():
    pred = model(val[:, :-1]).argmax(-1)
print(f"held-out next-character acc {(pred == val[:, -1]).float().mean():.3f}")
