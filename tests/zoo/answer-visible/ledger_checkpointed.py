"""Next entries of a ledger of account codes by a small transformer whose blocks are checkpointed to save memory."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

CODES, LENGTH, WIDTH, HEADS = 24, 20, 32, 4


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.before, self.behind = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 64), nn.GELU(), nn.Linear(64, WIDTH))

    def forward(self, x):
        n, t, _ = x.shape
        q, k, v = (part.view(n, t, HEADS, -1).transpose(1, 2) for part in self.qkv(self.before(x)).chunk(3, -1))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(n, t, WIDTH))
        return x + self.mlp(self.behind(x))


class Ledger(nn.Module):
    def __init__(self):
        super().__init__()
        self.code, self.place = nn.Embedding(CODES, WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(2))
        self.head = nn.Linear(WIDTH, CODES)

    def forward(self, ids):
        x = self.code(ids) + self.place(torch.arange(ids.shape[1]))
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=True)
        return self.head(x)


torch.manual_seed(0)
follows = torch.rand(CODES, CODES) ** 6


def entries(count):
    ids = [torch.randint(0, CODES, (count,))]
    for _ in range(LENGTH):
        ids.append(torch.multinomial(follows[ids[-1]], 1).squeeze(1))
    return torch.stack(ids, dim=1)


model = Ledger()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for step in range(250):
    ids = entries(32)
    loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"loss {loss.item():.3f}")
