import os

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))

NAMES = "anna bert carl dora emil fred gerd hans ida jan kurt lena max nora otto paul rosa sara tom ute".split()
VERBS = "sees hears likes helps calls meets finds".split()
PLACES = "home school work town sea park".split()


def pick(words, n):
    return [words[i] for i in torch.randint(0, len(words), (n,))]


n = 1500
text = " ".join(
    f"{a} {v} {b} at {p}." for a, v, b, p in zip(pick(NAMES, n), pick(VERBS, n), pick(NAMES, n), pick(PLACES, n))
)
alphabet = sorted(set(text))
ids = torch.tensor([alphabet.index(c) for c in text])
split = int(0.9 * len(ids))
train, val = ids[:split], ids[split:]


class CharGRU(nn.Module):
    def __init__(self, size, hidden=64):
        super().__init__()
        self.emb = nn.Embedding(size, 16)
        self.gru = nn.GRU(16, hidden, batch_first=True)
        self.out = nn.Linear(hidden, size)

    def forward(self, x):
        h, _ = self.gru(self.emb(x))
        return self.out(h)


def windows(data, count, length=32):
    start = torch.randint(0, len(data) - length - 1, (count,))
    at = start[:, None] + torch.arange(length + 1)
    return data[at][:, :-1], data[at][:, 1:]


model = CharGRU(len(alphabet))
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
for step in range(1, 601):
    x, y = windows(train, 32)
    loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    opt.step()
    if step % 60 == 0:
        with torch.no_grad():
            xv, yv = windows(val, 100)
            v = F.cross_entropy(model(xv).flatten(0, 1), yv.flatten()).item()
        print(f"step {step} loss {loss.item():.4f} val {v:.4f}")
