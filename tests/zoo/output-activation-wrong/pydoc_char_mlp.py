"""Next-character prediction on the Python help texts, after Bengio et al. (2003)."""
import os
import re

import torch
import torch.nn as nn
import torch.nn.functional as F
from pydoc_data.topics import topics

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

CONTEXT = 6
BATCH = 256
STEPS = 1800

text = " ".join(topics[k] for k in sorted(topics)).lower()
text = re.sub(r"[^a-z .,\n]", " ", text)
text = re.sub(r"\s+", " ", text)[:200_000]
chars = sorted(set(text))
stoi = {c: i for i, c in enumerate(chars)}
ids = torch.tensor([stoi[c] for c in text])

blocks = ids[: len(ids) // 250 * 250].view(-1, 250)
blocks = blocks[torch.randperm(len(blocks))]
n_val = len(blocks) // 10


def windows(b):
    return b.unfold(1, CONTEXT + 1, 1).reshape(-1, CONTEXT + 1)


val, train = windows(blocks[:n_val]), windows(blocks[n_val:])


class CharMLP(nn.Module):
    def __init__(self, vocab, emb=12, hidden=160):
        super().__init__()
        self.emb = nn.Embedding(vocab, emb)
        self.fc1 = nn.Linear(CONTEXT * emb, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, vocab)

    def forward(self, idx):
        e = self.emb(idx).flatten(1)
        h = F.relu(self.fc1(e))
        h = F.relu(self.fc2(h))
        return self.out(h)


model = CharMLP(len(chars))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)

running = None
for step in range(1, STEPS + 1):
    batch = train[torch.randint(len(train), (BATCH,))]
    logits = model(batch[:, :CONTEXT])
    loss = F.cross_entropy(logits, batch[:, CONTEXT])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    running = loss.item() if running is None else 0.98 * running + 0.02 * loss.item()
    if step % 200 == 0:
        print(f"step {step:5d}  loss {running:.3f}")

model.eval()
with torch.no_grad():
    pred = model(val[:, :CONTEXT])
    val_loss = F.cross_entropy(pred, val[:, CONTEXT]).item()
    acc = (pred.argmax(1) == val[:, CONTEXT]).float().mean().item()
print(f"val loss {val_loss:.3f}  acc {acc:.3f}")
