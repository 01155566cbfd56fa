"""Teach a small transformer to sort ten digits."""

import os
import random

import torch
import torch.nn as nn

SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
torch.manual_seed(SEED)

LENGTH = 10
VOCAB = 10


def batches(n_steps, size):
    for _ in range(n_steps):
        x = torch.randint(VOCAB, (size, LENGTH))
        yield x, x.sort(dim=1).values


class Sorter(nn.Module):
    def __init__(self, d=32, heads=4, layers=2):
        super().__init__()
        self.tok = nn.Embedding(VOCAB, d)
        self.pos = nn.Parameter(0.3 * torch.randn(LENGTH, d))
        layer = nn.TransformerEncoderLayer(d, heads, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(d)
        self.out = nn.Linear(d, VOCAB)

    def forward(self, x):
        return self.out(self.norm(self.encoder(self.tok(x) + self.pos)))


model = Sorter()
steps = 1100
opt = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.01)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, 4e-3, total_steps=steps, pct_start=0.15)
ce = nn.CrossEntropyLoss()
avg = None
for step, (x, y) in enumerate(batches(steps, 64)):
    logits = model(x)
    loss = ce(logits.transpose(1, 2), y)
    opt.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()
    sched.step()
    avg = loss.item() if avg is None else 0.98 * avg + 0.02 * loss.item()
    if step % 100 == 99:
        print("step", step + 1, "loss", round(avg, 4))

model.eval()
x, y = next(batches(1, 1000))
with torch.no_grad():
    pred = model(x).argmax(-1)
print("example", x[0].tolist(), "->", pred[0].tolist())
print(f"exact {(pred == y).all(1).float().mean():.3f}  token accuracy {(pred == y).float().mean():.3f}")
