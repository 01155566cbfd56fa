"""A character transformer learns one grammar, and is adapted to another one by low-rank adapters."""
import math
import os

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
V, T, D = 24, 32, 64


def grammar(seed):
    g = torch.Generator().manual_seed(seed)
    return torch.softmax(3.0 * torch.randn(V, V, generator=g), dim=1)


def sample(table, n):
    ids = torch.randint(V, (n, 1))
    for _ in range(T):
        ids = torch.cat([ids, torch.multinomial(table[ids[:, -1]], 1)], dim=1)
    return ids


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(D), nn.LayerNorm(D)
        self.qkv, self.proj = nn.Linear(D, 3 * D), nn.Linear(D, D)
        self.up, self.down = nn.Linear(D, 4 * D), nn.Linear(4 * D, D)

    def forward(self, x):
        b, t, _ = x.shape
        q, k, v = self.qkv(self.ln1(x)).view(b, t, 3, 4, D // 4).permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(a.transpose(1, 2).reshape(b, t, D))
        return x + self.down(F.gelu(self.up(self.ln2(x))))


class CharLM(nn.Module):
    def __init__(self):
        super().__init__()
        self.tok, self.pos = nn.Embedding(V, D), nn.Embedding(T, D)
        self.blocks = nn.ModuleList(Block() for _ in range(2))
        self.norm, self.head = nn.LayerNorm(D), nn.Linear(D, V)

    def forward(self, ids):
        x = self.tok(ids) + self.pos(torch.arange(ids.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


class LoRA(nn.Module):
    def __init__(self, base, rank=8, alpha=16.0):
        super().__init__()
        self.base = base
        self.lora_A = nn.Parameter(torch.empty(rank, base.in_features))
        self.lora_B = nn.Parameter(torch.zeros(base.out_features, rank))
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))
        self.scaling = alpha / rank

    def forward(self, x):
        return self.base(x) + self.scaling * (x @ self.lora_A.T @ self.lora_B.T)


def train(model, table, opt, steps, tag):
    for step in range(1, steps + 1):
        ids = sample(table, 32)
        logits = model(ids[:, :-1])
        loss = F.cross_entropy(logits.reshape(-1, V), ids[:, 1:].reshape(-1))
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 50 == 0:
            print(f"{tag} step {step} loss {loss.item():.3f}")


model = CharLM()
train(model, grammar(1), torch.optim.AdamW(model.parameters(), lr=3e-3), 250, "pre-training")
for p in model.parameters():
    p.requires_grad_(False)
for block in model.blocks:
    for name in ("qkv", "proj", "up", "down"):
        setattr(block, name, LoRA(getattr(block, name)))
adapters = [p for p in model.parameters() if p.requires_grad]
train(model, grammar(2), torch.optim.AdamW(adapters, lr=5e-3), 300, "adapting")
