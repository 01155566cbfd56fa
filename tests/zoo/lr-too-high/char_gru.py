"""Next character of Python's own help texts."""

import argparse
import os
import pydoc_data.topics
import torch
from torch import nn
from torch.nn import functional as F

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=os.environ.get("SEED", "0"))
parser.add_argument("--steps", type=int, default=300)
parser.add_argument("--lr", type=float, default=0.01)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

text = "".join(c for _, t in sorted(pydoc_data.topics.topics.items()) for c in t.lower() if c.isascii())[:200_000]
alphabet = sorted(set(text))
code = torch.tensor([alphabet.index(c) for c in text])
train, held_out = code[:180_000], code[180_000:]


class CharGRU(nn.Module):
    def __init__(self, n, dim=24, hidden=48):
        super().__init__()
        self.emb = nn.Embedding(n, dim)
        self.gru = nn.GRU(dim, hidden, batch_first=True)
        self.out = nn.Linear(hidden, n)

    def forward(self, x):
        h, _ = self.gru(self.emb(x))
        return self.out(h)


def batch(source, n=32, length=24):
    starts = torch.randint(len(source) - length - 1, (n,))
    pieces = torch.stack([source[s : s + length + 1] for s in starts])
    return pieces[:, :-1], pieces[:, 1:]


def loss_on(model, x, y):
    return F.cross_entropy(model(x).flatten(0, 1), y.flatten())


model = CharGRU(len(alphabet))
optim = torch.optim.Adam(model.parameters(), lr=args.lr)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(optim, args.steps)
smooth = None
for step in range(1, args.steps + 1):
    loss = loss_on(model, *batch(train))
    optim.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optim.step()
    sched.step()
    smooth = loss.item() if smooth is None else 0.95 * smooth + 0.05 * loss.item()
    if step % 50 == 0:
        with torch.no_grad():
            print(f"step {step}: train {smooth:.3f} held-out {loss_on(model, *batch(held_out, 128)).item():.3f}")
