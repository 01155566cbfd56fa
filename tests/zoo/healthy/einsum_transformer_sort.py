"""A transformer written with einsum that learns to sort eight digits."""

import math
import os

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

# B batch, T positions, D model, H heads, K head size
V, T, D, H, L = 8, 6, 32, 4, 2
K = D // H


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        s = 1 / math.sqrt(D)
        self.wq = nn.Parameter(torch.randn(D, H, K) * s)
        self.wk = nn.Parameter(torch.randn(D, H, K) * s)
        self.wv = nn.Parameter(torch.randn(D, H, K) * s)
        self.wo = nn.Parameter(torch.randn(H, K, D) * s / math.sqrt(2 * L))
        self.n1, self.n2 = nn.LayerNorm(D), nn.LayerNorm(D)
        self.ff = nn.Sequential(nn.Linear(D, 4 * D), nn.GELU(), nn.Linear(4 * D, D))

    def forward(self, x):
        h = self.n1(x)
        q = torch.einsum("btd,dhk->bhtk", h, self.wq)
        k = torch.einsum("btd,dhk->bhtk", h, self.wk)
        v = torch.einsum("btd,dhk->bhtk", h, self.wv)
        att = torch.einsum("bhtk,bhsk->bhts", q, k) / math.sqrt(K)
        o = torch.einsum("bhts,bhsk->bhtk", att.softmax(-1), v)
        x = x + torch.einsum("bhtk,hkd->btd", o, self.wo)
        return x + self.ff(self.n2(x))


class Sorter(nn.Module):
    def __init__(self):
        super().__init__()
        self.tok = nn.Embedding(V, D)
        self.pos = nn.Parameter(torch.randn(T, D) * 0.1)
        self.blocks = nn.ModuleList(Block() for _ in range(L))
        self.norm = nn.LayerNorm(D)
        self.head = nn.Linear(D, V)

    def forward(self, ids):
        x = self.tok(ids) + self.pos
        for b in self.blocks:
            x = b(x)
        return self.head(self.norm(x))


net = Sorter()
steps, warm = 450, 40
opt = torch.optim.AdamW(net.parameters(), lr=4e-3, betas=(0.9, 0.98), weight_decay=0.01)
lr_at = lambda s: min((s + 1) / warm, max(0.0, (steps - s) / (steps - warm)))
sched = torch.optim.lr_scheduler.LambdaLR(opt, lr_at)
for s in range(steps):
    ids = torch.randint(V, (64, T))
    logits = net(ids)
    loss = F.cross_entropy(logits.reshape(-1, V), ids.sort(1).values.reshape(-1))
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    if s % 100 == 0:
        print(f"{s:4d} {loss.item():.4f}")

with torch.no_grad():
    ids = torch.randint(V, (500, T))
    right = net(ids).argmax(-1) == ids.sort(1).values
print(f"token accuracy {right.float().mean():.4f} sequence accuracy {right.all(1).float().mean():.4f}")
