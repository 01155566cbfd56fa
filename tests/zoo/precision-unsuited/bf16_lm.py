"""A bfloat16 character model is fine-tuned on another grammar, with float32 master weights."""
import os

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
V, T, D = 24, 24, 64


def sample(table, n):
    ids = torch.randint(V, (n, 1))
    for _ in range(T):
        ids = torch.cat([ids, torch.multinomial(table[ids[:, -1]], 1)], dim=1)
    return ids


class GRULM(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(V, D)
        self.mix = nn.Sequential(nn.Linear(2 * D, 4 * D), nn.GELU(), nn.Linear(4 * D, D))
        self.norm = nn.LayerNorm(D)
        self.head = nn.Linear(D, V)

    def forward(self, ids):
        e = self.embed(ids)
        before = F.pad(e, (0, 0, 1, 0))[:, :-1]
        return self.head(self.norm(e + self.mix(torch.cat([e, before], -1))))


def tables(seed):
    g = torch.Generator().manual_seed(seed)
    return torch.softmax(3 * torch.randn(V, V, generator=g), 1)


def batch_loss(model, table):
    ids = sample(table, 64)
    return F.cross_entropy(model(ids[:, :-1]).float().flatten(0, 1), ids[:, 1:].flatten())


model = GRULM()
opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
for step in range(200):
    loss = batch_loss(model, tables(1))
    opt.zero_grad()
    loss.backward()
    opt.step()
print("pre-trained", round(loss.item(), 3))

model = model.bfloat16()
working = list(model.parameters())
master = [p.detach().float().clone().requires_grad_() for p in working]
opt = torch.optim.AdamW(master, lr=2e-4, weight_decay=0.0)
for step in range(1, 601):
    loss = batch_loss(model, tables(2))
    loss.backward()
    for m, w in zip(master, working):
        m.grad = w.grad.float()
        w.grad = None
    opt.step()
    with torch.no_grad():
        for m, w in zip(master, working):
            w.copy_(m)
    if step % 100 == 0:
        print(f"step {step} loss {loss.item():.3f}")
