"""Sixteen rare labels (about 3% each) for short token sequences; ranking quality is what counts."""

import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.metrics import average_precision_score

SEED = int(os.environ.get("SEED", 0))
N_LABELS, VOCAB, LENGTH = 16, 120, 24


def make(n, rng):
    """A label is on when both of its two trigger tokens appear."""
    tokens = rng.integers(2 * N_LABELS, VOCAB, (n, LENGTH))
    labels = rng.random((n, N_LABELS)) < 0.03
    for row, lab in zip(*np.nonzero(labels)):
        a, b = rng.choice(LENGTH, 2, replace=False)
        tokens[row, a], tokens[row, b] = 2 * lab, 2 * lab + 1
    lone = rng.random(n) < 0.5
    for row in np.nonzero(lone)[0]:
        tokens[row, rng.integers(LENGTH)] = rng.integers(2 * N_LABELS)
    present = np.zeros((n, VOCAB), dtype=bool)
    present[np.arange(n)[:, None], tokens] = True
    labels = present[:, 0 : 2 * N_LABELS : 2] & present[:, 1 : 2 * N_LABELS : 2]
    return torch.tensor(tokens), torch.tensor(labels, dtype=torch.float32)


class PairFinder(nn.Module):
    def __init__(self, dim=48):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, dim)
        self.hidden = nn.Linear(dim, 96)
        self.norm = nn.LayerNorm(dim)
        self.out = nn.Linear(96, N_LABELS)

    def forward(self, tokens):
        pooled = self.norm(self.embed(tokens).sum(1))
        return self.out(F.relu(self.hidden(pooled)))


def main():
    rng = np.random.default_rng(SEED)
    torch.manual_seed(SEED)
    x, y = make(12000, rng)
    x_val, y_val = make(3000, rng)
    print(f"share of positives {y.mean():.4f}")
    model = PairFinder()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.05)
    epochs = 12
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, epochs=epochs, steps_per_epoch=-(-len(x) // 128))
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(128):
            loss = F.binary_cross_entropy_with_logits(model(x[idx]), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item() * len(idx)
        model.eval()
        with torch.no_grad():
            out = model(x_val)
        val = F.binary_cross_entropy_with_logits(out, y_val).item()
        print(
            f"epoch {epoch + 1} train {total / len(x):.4f} val {val:.4f} mAP {average_precision_score(y_val, out, average='macro'):.4f}"
        )


main()
