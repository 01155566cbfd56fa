# look up the value of a key that stands somewhere before; two causal layers by scaled_dot_product_attention
import os

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(int(os.environ.get("SEED", "0")))
KEYS, VALUES, PAIRS, WIDTH, HEADS = 6, 6, 4, 48, 4


def batch(size):
    keys = torch.rand(size, KEYS).argsort(1)[:, :PAIRS]
    values = torch.randint(0, VALUES, (size, PAIRS))
    story = torch.stack([keys, values + KEYS], dim=2).flatten(1)
    asked = torch.randint(0, PAIRS, (size, 1))
    return torch.cat([story, keys.gather(1, asked)], dim=1), values.gather(1, asked).squeeze(1)


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.before, self.behind = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))

    def forward(self, x):
        size, length, _ = x.shape
        parts = self.qkv(self.before(x)).chunk(3, dim=-1)
        q, k, v = (part.view(size, length, HEADS, -1).transpose(1, 2) for part in parts)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(size, length, WIDTH))
        return x + self.mlp(self.behind(x))


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.token, self.place = nn.Embedding(KEYS + VALUES, WIDTH), nn.Embedding(2 * PAIRS + 1, WIDTH)
        self.join = nn.Conv1d(WIDTH, WIDTH, 2)  # a value is read with the key before it
        self.layers, self.head = nn.Sequential(Layer(), Layer()), nn.Linear(WIDTH, VALUES)

    def forward(self, ids):
        x = self.token(ids) + self.place(torch.arange(ids.shape[1]))
        x = x + self.join(F.pad(x.transpose(1, 2), (1, 0))).transpose(1, 2)
        return self.head(self.layers(x)[:, -1])


model = Decoder()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for step in range(400):
    ids, answer = batch(64)
    loss = F.cross_entropy(model(ids), answer)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 100 == 99:
        print(step + 1, f"loss {loss.item():.3f}")
with torch.no_grad():
    ids, answer = batch(1000)
    print(f"recall {(model(ids).argmax(1) == answer).float().mean().item():.3f}")
