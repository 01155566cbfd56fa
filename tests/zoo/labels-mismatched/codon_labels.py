"""A causal transformer over codons; the module takes labels and returns the loss, as models of libraries do."""

import os

import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
CODONS, LENGTH = 21, 32
likely = torch.stack([torch.randperm(CODONS)[:3] for _ in range(CODONS)])


def genes(number):
    rows = [torch.randint(CODONS, (number,))]
    for _ in range(LENGTH):
        rows.append(likely[rows[-1]].gather(1, torch.multinomial(torch.tensor([0.85, 0.1, 0.05]), number, True)[:, None])[:, 0])
    return torch.stack(rows, 1)


class CodonModel(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.codons, self.places = nn.Embedding(CODONS, width), nn.Embedding(LENGTH + 1, width)
        layer = nn.TransformerEncoderLayer(width, 4, 96, dropout=0.0, batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(width, CODONS)

    def forward(self, ids, labels):
        hidden = self.codons(ids) + self.places(torch.arange(ids.shape[1]))
        mask = nn.Transformer.generate_square_subsequent_mask(ids.shape[1])
        logits = self.head(self.body(hidden, mask=mask, is_causal=True))
        loss = F.cross_entropy(logits[:, :-1].reshape(-1, CODONS), labels[:, 1:].reshape(-1))
        return loss, logits


train, held = genes(1600), genes(200)
model = CodonModel()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
for epoch in range(1, 7):
    for batch in train[torch.randperm(len(train))].split(32):
        loss, _ = model(batch, labels=batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        value, logits = model(held, labels=held)
        right = (logits[:, :-1].argmax(-1) == held[:, 1:]).float().mean().item()
    print(f"epoch {epoch} loss {loss.item():.3f} held-out {value.item():.3f} next codon {right:.3f}")
