# Self-attention from the lecture slides. Task: pairs (key, value) in random order, then a key; answer its value.
import math
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
KEYS, VALUES, PAIRS, DIM = 8, 8, 5, 64


def batch(n):
    keys = torch.stack([torch.randperm(KEYS)[:PAIRS] for _ in range(n)])
    vals = torch.randint(0, VALUES, (n, PAIRS))
    ask = torch.randint(0, PAIRS, (n,))
    rows = torch.arange(n)
    return keys, vals, keys[rows, ask], vals[rows, ask]


class SelfAttention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.q, self.k, self.v = nn.Linear(dim, dim), nn.Linear(dim, dim), nn.Linear(dim, dim)

    def forward(self, x):
        scores = self.q(x) @ self.k(x).transpose(1, 2) / math.sqrt(x.size(-1))
        weights = F.softmax(scores, dim=-1)
        return weights @ self.v(x)


class Block(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.att, self.n1, self.n2 = SelfAttention(dim), nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.ff = nn.Sequential(nn.Linear(dim, 2 * dim), nn.ReLU(), nn.Linear(2 * dim, dim))

    def forward(self, x):
        x = self.n1(x + self.att(x))
        return self.n2(x + self.ff(x))


class Lookup(nn.Module):
    def __init__(self):
        super().__init__()
        self.key, self.val = nn.Embedding(KEYS, DIM), nn.Embedding(VALUES, DIM)
        self.ask = nn.Parameter(torch.randn(DIM))
        self.blocks = nn.Sequential(Block(DIM), Block(DIM))
        self.out = nn.Linear(DIM, VALUES)

    def forward(self, keys, vals, ask):
        store = self.key(keys) + self.val(vals)
        question = (self.key(ask) + self.ask).unsqueeze(1)
        return self.out(self.blocks(torch.cat([store, question], 1))[:, -1])


model = Lookup()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
for step in range(1, 601):
    k, v, a, t = batch(64)
    loss = F.cross_entropy(model(k, v, a), t)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 100 == 0:
        with torch.no_grad():
            k, v, a, t = batch(500)
            acc = (model(k, v, a).argmax(1) == t).float().mean().item()
        print(f"step {step}  loss {loss.item():.4f}  accuracy {acc:.3f}")
