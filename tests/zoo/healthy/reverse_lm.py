"""Decoder-only transformer that learns to reverse short strings; warm-up + cosine, label smoothing, tied weights."""
import math
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(1)
ALPHA, L, SEP = 8, 6, 8
VOC, CTX = ALPHA + 1, 2 * L + 1


def batch(n):
    s = torch.randint(0, ALPHA, (n, L))
    return torch.cat([s, torch.full((n, 1), SEP), s.flip(1)], 1)


class Block(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.n1, self.n2, self.h = nn.LayerNorm(d), nn.LayerNorm(d), heads
        self.qkv, self.o = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.ff = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(self.n1(x)).view(b, t, 3, self.h, d // self.h).permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.o(a.transpose(1, 2).reshape(b, t, d))
        return x + self.ff(self.n2(x))


class LM(nn.Module):
    def __init__(self, d=48, heads=4, layers=2):
        super().__init__()
        self.tok, self.pos = nn.Embedding(VOC, d), nn.Embedding(CTX, d)
        self.blocks = nn.Sequential(*[Block(d, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(d)
        nn.init.normal_(self.tok.weight, std=0.1)
        nn.init.normal_(self.pos.weight, std=0.1)

    def forward(self, ids):
        h = self.tok(ids) + self.pos.weight[:ids.shape[1]]
        return self.norm(self.blocks(h)) @ self.tok.weight.T


model = LM()
STEPS, WARM = 300, 50
opt = torch.optim.AdamW(model.parameters(), lr=4e-3, betas=(0.9, 0.98), weight_decay=0.01)
f = lambda s: (s + 1) / WARM if s < WARM else 0.5 * (1 + math.cos(math.pi * (s - WARM) / (STEPS - WARM)))
sched = torch.optim.lr_scheduler.LambdaLR(opt, f)
for step in range(1, STEPS + 1):
    ids = batch(64)
    logits = model(ids[:, :-1])[:, L:]                # only the answer counts
    loss = F.cross_entropy(logits.reshape(-1, VOC), ids[:, L + 1:].reshape(-1), label_smoothing=0.02)
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()
    sched.step()
    if step % 50 == 0:
        test = batch(256)
        seq = test[:, :L + 1]
        with torch.no_grad():
            for _ in range(L):
                seq = torch.cat([seq, model(seq)[:, -1:].argmax(-1)], 1)
        exact = (seq == test).all(1).float().mean().item()
        print(f"step {step} loss {loss.item():.4f} exact reversal {exact:.3f} lr {sched.get_last_lr()[0]:.5f}")
