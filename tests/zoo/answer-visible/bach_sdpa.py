"""Next-note model on synthetic melodies: a small decoder with scaled_dot_product_attention."""
import os

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
NOTES, T = 24, 40


def melodies(n):
    """Each melody repeats a motif of five to eight notes, shifted up or down by a step each time."""
    out = torch.empty(n, T + 1, dtype=torch.long)
    for i in range(n):
        motif = torch.randint(0, NOTES, (int(torch.randint(5, 9, ())),))
        step = int(torch.randint(-2, 3, ()))
        out[i] = torch.cat([(motif + k * step) % NOTES for k in range(T // 5 + 1)])[: T + 1]
    return out


class Block(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.out = nn.Linear(d, 3 * d, bias=False), nn.Linear(d, d, bias=False)
        self.ff = nn.Sequential(nn.Linear(d, 4 * d), nn.SiLU(), nn.Linear(4 * d, d))

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(b, t, d))
        return x + self.ff(self.norm2(x))


class Composer(nn.Module):
    def __init__(self, d=64):
        super().__init__()
        self.note, self.place = nn.Embedding(NOTES, d), nn.Embedding(T, d)
        self.blocks = nn.Sequential(Block(d, 4), Block(d, 4))
        self.norm = nn.LayerNorm(d)
        nn.init.normal_(self.note.weight, std=0.05)

    def forward(self, notes):
        x = self.note(notes) + self.place.weight[: notes.shape[1]]
        return self.norm(self.blocks(x)) @ self.note.weight.T  # tied


train, valid = melodies(1500), melodies(200)
model = Composer()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=12 * 47)
for epoch in range(12):
    for batch in torch.randperm(len(train)).split(32):
        tokens = train[batch]
        logits = model(tokens[:, :-1])
        loss = F.cross_entropy(logits.transpose(1, 2), tokens[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        score = F.cross_entropy(model(valid[:, :-1]).transpose(1, 2), valid[:, 1:])
        # write the second half of each melody, given the first
        song = valid[:, : T // 2]
        while song.shape[1] <= T:
            song = torch.cat([song, model(song)[:, -1:].argmax(-1)], dim=1)
        right = (song == valid)[:, T // 2 :].float().mean()
    print(f"epoch {epoch:2d} train {loss:.3f} valid {score:.3f} continued {right:.3f}")
