"""A prefix language model: the question is read in both directions, the answer is written from left to right."""
import os

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
PREFIX, ANSWER, VOCAB = 8, 4, 12
LENGTH = PREFIX + ANSWER
# a question of eight digits; the answer: the largest, the smallest, the first, the last


def batch(n):
    question = torch.randint(0, 10, (n, PREFIX))
    answer = torch.stack([question.amax(1), question.amin(1), question[:, 0], question[:, -1]], dim=1)
    return torch.cat([question, answer], dim=1)


may_look = torch.ones(LENGTH - 1, LENGTH - 1).tril().bool()
may_look[:, :PREFIX] = True


class PrefixLM(nn.Module):
    def __init__(self, d=48, heads=4):
        super().__init__()
        self.heads = heads
        self.tokens, self.places = nn.Embedding(VOCAB, d), nn.Embedding(LENGTH, d)
        self.norms = nn.ModuleList(nn.LayerNorm(d) for _ in range(4))
        self.qkv = nn.ModuleList(nn.Linear(d, 3 * d) for _ in range(2))
        self.mlps = nn.ModuleList(nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d)) for _ in range(2))
        self.out = nn.Linear(d, VOCAB)

    def forward(self, ids):
        b, t = ids.shape
        x = self.tokens(ids) + self.places(torch.arange(t, device=ids.device))
        for i in range(2):
            q, k, v = self.qkv[i](self.norms[2 * i](x)).view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
            x = x + F.scaled_dot_product_attention(q, k, v, attn_mask=may_look).transpose(1, 2).reshape(b, t, -1)
            x = x + self.mlps[i](self.norms[2 * i + 1](x))
        return self.out(x)


model = PrefixLM()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
for step in range(1, 801):
    text = batch(64)
    logits = model(text[:, :-1])[:, PREFIX - 1 :]
    loss = F.cross_entropy(logits.reshape(-1, VOCAB), text[:, PREFIX:].reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 100 == 0:
        text = batch(500)
        with torch.no_grad():
            right = (model(text[:, :-1])[:, PREFIX - 1 :].argmax(-1) == text[:, PREFIX:]).float().mean()
        print(f"step {step}: loss {loss.item():.3f} right {right:.3f}")
