# character model with shared input and output embedding
import os
import pydoc_data.topics
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)

text = " ".join(pydoc_data.topics.topics[k] for k in sorted(pydoc_data.topics.topics))[:250_000].lower()
text = "".join(c if c.isalpha() or c in " .,\n" else "~" for c in text if c.isascii())
chars = sorted(set(text))
ids = torch.tensor([chars.index(c) for c in text])
cut = int(0.9 * len(ids))
CONTEXT = 6


class Tied(nn.Module):
    def __init__(self, n, d=32, hidden=96):
        super().__init__()
        self.emb = nn.Embedding(n, d)
        self.mix = nn.Linear(CONTEXT * d, hidden)
        self.back = nn.Linear(hidden, d)
        self.out = nn.Linear(d, n)
        nn.init.normal_(self.emb.weight, std=d**-0.5)
        self.out.weight = self.emb.weight

    def forward(self, x):
        h = F.gelu(self.mix(self.emb(x).flatten(1)))
        return self.out(self.back(h))


def batch(lo, hi, n):
    s = torch.randint(lo, hi - CONTEXT - 1, (n,))
    w = ids[s[:, None] + torch.arange(CONTEXT + 1)]
    return w[:, :CONTEXT], w[:, CONTEXT]


model = Tied(len(chars))
steps = 1500
opt = torch.optim.Adam(model.parameters(), lr=6e-3)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, 6e-3, total_steps=steps)
avg = 0.0
for step in range(1, steps + 1):
    x, y = batch(0, cut, 96)
    loss = F.cross_entropy(model(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    avg += loss.item() / 250
    if step % 250 == 0:
        with torch.no_grad():
            xv, yv = batch(cut, len(ids), 3000)
            print(f"step {step} train {avg:.3f} valid {F.cross_entropy(model(xv), yv):.3f}")
        avg = 0.0
