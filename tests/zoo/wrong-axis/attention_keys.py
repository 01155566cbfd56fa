"""Associative recall with one attention layer in einsum notation."""

import os
import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
# b batch, q queries, k keys, d features
N_KEYS, N_VALUES, PAIRS, D = 12, 12, 6, 32


def batch(n):
    keys = torch.stack([torch.randperm(N_KEYS)[:PAIRS] for _ in range(n)])
    values = torch.randint(N_VALUES, (n, PAIRS))
    which = torch.stack([torch.randperm(PAIRS)[:1] for _ in range(n)])
    return keys, values, keys.gather(1, which), values.gather(1, which)


class Recall(nn.Module):
    def __init__(self):
        super().__init__()
        self.key, self.query, self.value = nn.Embedding(N_KEYS, D), nn.Embedding(N_KEYS, D), nn.Embedding(N_VALUES, D)
        self.out = nn.Linear(D, N_VALUES)

    def forward(self, keys, values, queries):
        scores = torch.einsum("bqd,bkd->bqk", self.query(queries), self.key(keys)) / D**0.5
        weights = scores.softmax(dim=-1)
        return self.out(torch.einsum("bqk,bkd->bqd", weights, self.value(values)))


model = Recall()
opt = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=1e-3)
for step in range(500):
    k, v, q, t = batch(48)
    loss = F.cross_entropy(model(k, v, q).flatten(0, 1), t.flatten())
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 100 == 99:
        print("step %d loss %.4f" % (step + 1, loss.item()))
with torch.no_grad():
    k, v, q, t = batch(500)
    print("recall accuracy %.4f" % (model(k, v, q).argmax(-1) == t).float().mean())
