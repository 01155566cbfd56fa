"""Self-attention over short sequences: is the first symbol seen again later?"""

import os
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
VOCAB, T, D, H = 10, 8, 32, 4


def sample(n):
    x = torch.randint(1, VOCAB, (n, T))
    again = torch.rand(n) < 0.5
    rest = x[:, 1:]
    clash = rest == x[:, :1]
    rest[clash] = 0
    where = torch.randint(0, T - 1, (n,))
    rest[torch.arange(n)[again], where[again]] = x[again, 0]
    return x, again.long()


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(D, 3 * D)
        self.proj = nn.Linear(D, D)

    def forward(self, x):
        x = x
        b, t, _ = x.shape
        q, k, v = self.qkv(x).chunk(3, -1)
        q, k, v = (m.reshape(b, t, H, D // H).transpose(1, 2) for m in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v)
        y = y.transpose(1, 2).reshape(b, t, D)
        return self.proj(y)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.tok, self.pos = nn.Embedding(VOCAB, D), nn.Parameter(torch.randn(T, D) * 0.3)
        self.att, self.n1, self.n2 = Attention(), nn.LayerNorm(D), nn.LayerNorm(D)
        self.ff = nn.Sequential(nn.Linear(D, 64), nn.ReLU(), nn.Linear(64, D))
        self.head = nn.Linear(D, 2)

    def forward(self, ids):
        x = self.tok(ids) + self.pos
        x = x + self.att(self.n1(x))
        x = x + self.ff(self.n2(x))
        return self.head(x[:, 0])


net = Net()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for step in range(900):
    x, y = sample(64)
    loss = F.cross_entropy(net(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 150 == 149:
        print("step", step + 1, "loss", round(loss.item(), 4))
with torch.no_grad():
    x, y = sample(1024)
    print("accuracy", (net(x).argmax(1) == y).float().mean().item())
