"""Do two descriptions report the same fault? A sentence-pair encoder with token types, SDPA and a boolean mask."""
import os

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
PAD, SEP, FIRST, VOCAB, HALF = 0, 1, 2, 82, 16


def pairs(n):
    """Sixteen faults have five words each; a description holds three of them among words that say nothing."""
    label = torch.randint(0, 2, (n,))
    fault = torch.randint(0, 16, (n, 1))
    other = torch.where(label[:, None] == 1, fault, (fault + torch.randint(1, 16, (n, 1))) % 16)
    sides = []
    for what in (fault, other):
        words = FIRST + 5 * what + torch.randint(0, 5, (n, HALF))
        lengths = torch.randint(3, 7, (n, 1))
        lengths[torch.rand(n, 1) < 0.1] = HALF - 1
        places = torch.arange(HALF)
        sides.append(words.masked_fill(places == lengths, SEP).masked_fill(places > lengths, PAD))
    # text of both, with all padding behind
    ids = torch.cat(sides, dim=1)
    kinds = torch.cat([torch.zeros(n, HALF), torch.ones(n, HALF)], dim=1).long()
    order = (ids == PAD).long().argsort(dim=1, stable=True)
    return ids.gather(1, order), kinds.gather(1, order), label


class Layer(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.ff = nn.Sequential(nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, d))

    def forward(self, x, mask):
        b, t, d = x.shape
        q, k, v = (part.view(b, t, self.heads, -1).transpose(1, 2) for part in self.qkv(self.norm1(x)).chunk(3, dim=-1))
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.out(mixed.transpose(1, 2).reshape(b, t, d))
        return x + self.ff(self.norm2(x))


class PairEncoder(nn.Module):
    def __init__(self, d=64):
        super().__init__()
        self.token, self.kind, self.place = nn.Embedding(VOCAB, d), nn.Embedding(2, d), nn.Embedding(2 * HALF, d)
        self.layers = nn.ModuleList(Layer(d, 4) for _ in range(2))
        self.head = nn.Linear(d, 2)

    def forward(self, ids, kinds):
        real = ids != PAD
        mask = real[:, None, None, :]
        x = self.token(ids) + self.kind(kinds) + self.place.weight
        for layer in self.layers:
            x = layer(x, mask)
        pooled = (x * real.unsqueeze(-1)).sum(dim=1) / real.sum(dim=1, keepdim=True)
        return self.head(pooled)


train, test = pairs(6000), pairs(500)
model = PairEncoder()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for epoch in range(8):
    for rows in torch.randperm(6000).split(60):
        ids, kinds, label = (part[rows] for part in train)
        loss = F.cross_entropy(model(ids, kinds), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        accuracy = (model(*test[:2]).argmax(1) == test[2]).float().mean()
    print(f"epoch {epoch}: loss {loss:.3f}, same or not {accuracy:.3f}")
