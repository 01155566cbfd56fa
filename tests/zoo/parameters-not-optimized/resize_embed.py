"""Add tokens to a pre-trained bag-of-characters classifier, and fine-tune it on strings that use them."""
import os

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
OLD, NEW, T, K = 30, 30, 12, 8
signs = torch.randn(OLD + NEW, K)


def draw(n, low, high):
    ids = torch.randint(low, high, (n, T))
    return ids, signs[ids].sum(1).argmax(1)


class Tagger(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, 32)
        self.body = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, K))

    def forward(self, ids):
        return self.body(self.embedding(ids).mean(1))

    def resize(self, vocabulary):
        old = self.embedding.weight.data
        self.embedding = nn.Embedding(vocabulary, old.shape[1])
        self.embedding.weight.data[: len(old)] = old


def fit(model, opt, steps, low, high, tag):
    for step in range(1, steps + 1):
        ids, kind = draw(64, low, high)
        loss = F.cross_entropy(model(ids), kind)
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 100 == 0:
            ids, kind = draw(500, low, high)
            with torch.no_grad():
                acc = (model(ids).argmax(1) == kind).float().mean()
            print(f"{tag} step {step} loss {loss.item():.3f} accuracy {acc:.3f}")


model = Tagger(OLD)
fit(model, torch.optim.Adam(model.parameters(), lr=3e-3), 400, 0, OLD, "base")
model.resize(OLD + NEW)
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
fit(model, opt, 500, OLD, OLD + NEW, "extended")
