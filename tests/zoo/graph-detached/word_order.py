import os

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

# "sentences" of 12 tokens out of 400; every token carries a hidden mood, the label is the sign of the sum
mood = rng.normal(size=400)
tokens = rng.integers(0, 400, (6000, 12))
labels = (mood[tokens].sum(1) > 0).astype(int)
tokens, labels = torch.tensor(tokens), torch.tensor(labels)


class Encoder(nn.Module):
    def __init__(self, vocab, dim):
        super().__init__()
        self.table = nn.Embedding(vocab, dim)

    def forward(self, ids):
        return self.table(ids).mean(1) * 3.0


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder(400, 8)
        self.head = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))

    def forward(self, ids):
        sentence = self.encoder(ids)
        return self.head(sentence)


model = Classifier()
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(10):
    total = 0.0
    for idx in torch.randperm(5000).split(50):
        loss = F.cross_entropy(model(tokens[idx]), labels[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / 100
    with torch.no_grad():
        out = model(tokens[5000:])
        val = F.cross_entropy(out, labels[5000:])
        acc = (out.argmax(1) == labels[5000:]).float().mean()
    print(f"epoch {epoch} loss {total:.4f} val_loss {val:.4f} val_acc {acc:.4f}")
