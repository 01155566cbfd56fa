"""Causal transformer with attention by hand and ReZero gates, predicting the closers of nested brackets."""

import math
import os
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
torch.manual_seed(SEED)

OPEN, CLOSE = "([{<", ")]}>"
VOCAB = OPEN + CLOSE
LENGTH = 18


def sentence():
    """A balanced string, and a mask of the places where the next bracket is forced to be a closer."""
    stack, out, closes = [], [], []
    while len(out) < LENGTH:
        left = LENGTH - len(out)
        if stack and (len(stack) == left or len(stack) == 3 or random.random() < 0.45):
            out.append(4 + stack.pop())
            closes.append(True)
        else:
            k = random.randrange(4)
            stack.append(k)
            out.append(k)
            closes.append(False)
    return out, closes


def corpus(n):
    pairs = [sentence() for _ in range(n)]
    return torch.tensor([p[0] for p in pairs]), torch.tensor([p[1] for p in pairs])


class Attention(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(d, 3 * d, bias=False)
        self.out = nn.Linear(d, d, bias=False)
        self.register_buffer("mask", torch.tril(torch.ones(LENGTH, LENGTH)).bool())

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        score = q @ k.transpose(-2, -1) / math.sqrt(d // self.heads)
        score = score.masked_fill(~self.mask[:t, :t], float("-inf"))
        y = score.softmax(-1) @ v
        return self.out(y.transpose(1, 2).reshape(b, t, d))


class Block(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.attn = Attention(d, heads)
        self.mlp = nn.Sequential(nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, d))
        self.gate_a = nn.Parameter(torch.zeros(1))
        self.gate_m = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        x = x + self.gate_a * self.attn(x)
        return x + self.gate_m * self.mlp(x)


class LM(nn.Module):
    def __init__(self, d=48, heads=4, depth=3):
        super().__init__()
        self.tok = nn.Embedding(len(VOCAB), d)
        self.pos = nn.Embedding(LENGTH, d)
        self.blocks = nn.Sequential(*[Block(d, heads) for _ in range(depth)])
        self.head = nn.Linear(d, len(VOCAB))

    def forward(self, x):
        return self.head(self.blocks(self.tok(x) + self.pos(torch.arange(x.shape[1]))))


train, _ = corpus(8000)
test, closes = corpus(500)
model = LM()
steps = 450
opt = torch.optim.Adam(model.parameters(), lr=3e-3, betas=(0.9, 0.98))
sched = torch.optim.lr_scheduler.OneCycleLR(opt, 5e-3, total_steps=steps, pct_start=0.1)
avg = 0.0
for step in range(1, steps + 1):
    x = train[torch.randint(len(train), (64,))]
    loss = F.cross_entropy(model(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten())
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()
    sched.step()
    avg += loss.item() / 50
    if step % 50 == 0:
        print(f"step {step} loss {avg:.4f}")
        avg = 0.0

with torch.no_grad():
    logits = model(test[:, :-1])
    held = F.cross_entropy(logits.flatten(0, 1), test[:, 1:].flatten()).item()
    guess = logits[..., 4:].argmax(-1) + 4
    ok = (guess == test[:, 1:])[closes[:, 1:]].float().mean().item()
print(f"held-out loss {held:.4f} closer accuracy {ok:.3f}")
