"""Frozen word vectors (PPMI + SVD) under a GRU: which of six Python manuals topics is a passage from?"""

import os
import re
from collections import Counter
from pydoc_data.topics import topics

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

DIM, LENGTH, CLASSES = 32, 24, 5
chosen = sorted(topics, key=lambda k: -len(topics[k]))[:CLASSES]
texts = [re.findall(r"[a-z_]+", topics[c].lower())[:4800] for c in chosen]
everything = [w for k in sorted(topics) for w in re.findall(r"[a-z_]+", topics[k].lower())]
vocab = [w for w, _ in Counter(everything).most_common(1500)]
index = {w: i + 1 for i, w in enumerate(vocab)}


def word_vectors():
    co = np.zeros((len(vocab), len(vocab)))
    ids = [index.get(w, 0) - 1 for w in everything]
    for off in range(1, 4):
        a, b = np.array(ids[:-off]), np.array(ids[off:])
        ok = (a >= 0) & (b >= 0)
        np.add.at(co, (a[ok], b[ok]), 1)
    co += co.T
    p = co / co.sum()
    w = p.sum(1, keepdims=True)
    ppmi = np.maximum(np.log((p + 1e-12) / (w * w.T + 1e-12)), 0)
    from scipy.sparse.linalg import svds

    u, s, _ = svds(ppmi, k=DIM, random_state=0)
    v = u * np.sqrt(s)
    v = (v - v.mean(0)) / v.std(0)
    return np.vstack([np.zeros(DIM), v]).astype(np.float32)


X, y = [], []
for label, words in enumerate(texts):
    ids = [index.get(w, 0) for w in words]
    for k in range(0, len(ids) - LENGTH, LENGTH):
        X.append(ids[k : k + LENGTH])
        y.append(label)
X, y = np.array(X), np.array(y)
order = rng.permutation(len(X))
cut = int(0.8 * len(order))
tr, te = order[:cut], order[cut:]
as_set = lambda idx: TensorDataset(torch.from_numpy(X[idx]), torch.from_numpy(y[idx]))
train_loader = DataLoader(as_set(tr), batch_size=32, shuffle=True)
test_x, test_y = as_set(te).tensors


class Reader(nn.Module):
    def __init__(self, vectors):
        super().__init__()
        self.embed = nn.Embedding.from_pretrained(torch.from_numpy(vectors), freeze=True, padding_idx=0)
        self.gru = nn.GRU(DIM, 24, batch_first=True)
        self.drop = nn.Dropout(0.3)
        self.out = nn.Linear(24, CLASSES)

    def forward(self, x):
        h, _ = self.gru(self.embed(x))
        return self.out(self.drop(h.mean(1)))


model = Reader(word_vectors())
trainable = [p for p in model.parameters() if p.requires_grad]
opt = torch.optim.Adam(trainable, lr=3e-3)
epochs = 14
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
for epoch in range(epochs):
    model.train()
    total = 0.0
    for xb, yb in train_loader:
        opt.zero_grad()
        loss = nn.functional.cross_entropy(model(xb), yb)
        loss.backward()
        nn.utils.clip_grad_norm_(trainable, 1.0)
        opt.step()
        total += loss.item() * len(yb)
    sched.step()
    model.eval()
    with torch.no_grad():
        out = model(test_x)
        tl = nn.functional.cross_entropy(out, test_y).item()
        acc = (out.argmax(1) == test_y).float().mean().item()
    print(f"epoch {epoch:2d} train {total / len(tr):.3f} test {tl:.3f} acc {acc:.3f}")
