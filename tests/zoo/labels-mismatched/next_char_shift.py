"""Next-character model on a toy language of nested brackets and words."""

import os
import random

import torch
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
torch.manual_seed(SEED)
WORDS = ["alpha", "beta", "gamma", "delta", "omega"]


def sentence(depth=0):
    out = random.choice(WORDS)
    if depth < 2 and random.random() < 0.5:
        out += "(" + sentence(depth + 1) + ")"
    return out


text = " ".join(sentence() for _ in range(3000))
chars = sorted(set(text))
codes = torch.tensor([chars.index(c) for c in text])
T = 24
order = torch.randperm((len(codes) - 2 * T) // T)
starts = order * T


def batch(s):
    x = torch.stack([codes[i : i + T] for i in s])
    y = torch.stack([codes[i + 1 : i + T + 1] for i in s])
    return x, y


class LM(nn.Module):
    def __init__(self, v, h=48):
        super().__init__()
        self.e, self.r, self.o = nn.Embedding(v, 16), nn.GRU(16, h, batch_first=True), nn.Linear(h, v)

    def forward(self, x):
        return self.o(self.r(self.e(x))[0])


model = LM(len(chars))
opt = torch.optim.Adam(model.parameters(), lr=6e-3)
held = starts[-200:]
for step in range(500):
    pick = starts[torch.randint(len(starts) - 200, (32,))]
    x, y = batch(pick.tolist())
    loss = nn.functional.cross_entropy(model(x).flatten(0, 1), y.flatten())
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 100 == 99:
        with torch.no_grad():
            xv, yv = batch(held.tolist())
            v = nn.functional.cross_entropy(model(xv).flatten(0, 1), yv.flatten())
        print("step", step + 1, "loss %.3f" % loss.item(), "held-out %.3f" % v.item())
