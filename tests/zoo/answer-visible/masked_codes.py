"""Masked-token pre-training of a small encoder on synthetic machine logs (BERT, section 3.1)."""
import os

import numpy as np
import torch
from torch import nn

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)
MASK, FIRST, VOCAB, LENGTH = 1, 2, 34, 24

# a Markov chain of event codes: each code is followed by one of three others
following = rng.integers(FIRST, VOCAB, size=(VOCAB, 3))
logs = np.empty((4000, LENGTH), dtype=np.int64)
logs[:, 0] = rng.integers(FIRST, VOCAB, size=len(logs))
for t in range(1, LENGTH):
    logs[:, t] = following[logs[:, t - 1], rng.choice(3, size=len(logs), p=[0.8, 0.15, 0.05])]
logs = torch.from_numpy(logs)


class Encoder(nn.Module):
    def __init__(self, dim=64):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(VOCAB, dim), nn.Embedding(LENGTH, dim)
        layer = nn.TransformerEncoderLayer(dim, 4, 128, dropout=0.1, activation="gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Sequential(nn.Linear(dim, dim), nn.GELU(), nn.LayerNorm(dim), nn.Linear(dim, VOCAB))

    def forward(self, ids):
        return self.head(self.encoder(self.tokens(ids) + self.positions(torch.arange(LENGTH))))


def mask_tokens(ids):
    labels = ids.clone()
    chosen = torch.rand(ids.shape) < 0.15
    labels[~chosen] = -100
    inputs = ids.clone()
    inputs[chosen & (torch.rand(ids.shape) < 0.8)] = MASK
    swapped = chosen & (inputs != MASK) & (torch.rand(ids.shape) < 0.5)
    inputs[swapped] = torch.randint(FIRST, VOCAB, ids.shape)[swapped]
    return inputs, labels


train, valid = logs[:3600], logs[3600:]
net = Encoder()
optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.01)
criterion = nn.CrossEntropyLoss()
for epoch in range(14):
    net.train()
    for batch in torch.randperm(len(train)).split(64):
        inputs, labels = mask_tokens(train[batch])
        loss = criterion(net(inputs).view(-1, VOCAB), labels.view(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        hidden = torch.rand(valid.shape) < 0.15
        guess = net(valid.masked_fill(hidden, MASK)).argmax(-1)
        accuracy = (guess == valid)[hidden].float().mean().item()
    print(f"epoch {epoch}: loss {loss.item():.3f} hidden codes found {accuracy:.3f}")
