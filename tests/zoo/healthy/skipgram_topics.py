"""word2vec (skip-gram, negative sampling) on the interpreter's own manual."""

import collections
import os
import pydoc_data.topics as pt
import re

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
np.random.seed(seed)

words = re.findall(r"[a-z]+", " ".join(pt.topics.values()).lower())
count = collections.Counter(words)
vocab = [w for w, c in count.most_common(400)]
index = {w: i for i, w in enumerate(vocab)}
ids = np.array([index[w] for w in words if w in index][:40000])
freq = np.bincount(ids, minlength=400).astype(float)
keep = np.random.rand(len(ids)) < np.minimum(1, np.sqrt(2e-3 / (freq / freq.sum())))[ids]
ids = ids[keep]
pairs = np.concatenate([np.stack([ids[:-k], ids[k:]], 1) for k in (1, 2)])
pairs = torch.from_numpy(np.concatenate([pairs, pairs[:, ::-1]]).copy())
noise = torch.tensor(freq**0.75)


class SkipGram(nn.Module):
    def __init__(self, n, d=24):
        super().__init__()
        self.center = nn.Embedding(n, d, sparse=True)
        self.context = nn.Embedding(n, d, sparse=True)
        self.center.weight.data.uniform_(-0.5 / d, 0.5 / d)
        self.context.weight.data.zero_()

    def forward(self, c, o, neg):
        v = self.center(c)
        good = (v * self.context(o)).sum(-1)
        bad = torch.bmm(self.context(neg), v.unsqueeze(2)).squeeze(2)
        return -(F.logsigmoid(good) + F.logsigmoid(-bad).sum(1)).mean()


model = SkipGram(len(vocab))
opt = torch.optim.SparseAdam(list(model.parameters()), lr=1e-2)
steps, total = 900, 0.0
for s in range(1, steps + 1):
    batch = pairs[torch.randint(len(pairs), (256,))]
    neg = torch.multinomial(noise, 256 * 4, replacement=True).view(256, 4)
    opt.zero_grad()
    loss = model(batch[:, 0], batch[:, 1], neg)
    loss.backward()
    opt.step()
    opt.param_groups[0]["lr"] = 1e-2 * (1 - s / (steps + 1))
    total += loss.item()
    if s % 150 == 0:
        print(s, "loss %.4f" % (total / 150))
        total = 0.0
E = F.normalize(model.center.weight.detach(), dim=1)
for w in ("class", "string", "import"):
    print(w, "->", [vocab[i] for i in (E @ E[index[w]]).topk(5).indices[1:].tolist()])
