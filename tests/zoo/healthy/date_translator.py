"""Encoder-decoder (nn.Transformer) that rewrites dates: "7 mar 1989" becomes "1989-03-07"; teacher forcing."""
import os
import random

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

SEED = int(os.environ.get("SEED", "0"))
random.seed(SEED)
torch.manual_seed(SEED)
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
source_chars = ["<pad>", *sorted(set("".join(MONTHS) + "0123456789 ,"))]
target_chars = ["<pad>", "<bos>", "<eos>", *"0123456789-"]
s2i = {c: i for i, c in enumerate(source_chars)}
t2i = {c: i for i, c in enumerate(target_chars)}


def example():
    day, month, year = random.randint(1, 28), random.randrange(12), random.randint(1950, 2049)
    text = random.choice([f"{day} {MONTHS[month]} {year}", f"{MONTHS[month]} {day}, {year}", f"{day} {MONTHS[month]} {year % 100:02d}"])
    source = torch.tensor([s2i[c] for c in text])
    target = torch.tensor([1, *(t2i[c] for c in f"{year}-{month + 1:02d}-{day:02d}"), 2])
    return source, target


def collate(items):
    sources, targets = zip(*items)
    return pad_sequence(list(sources), batch_first=True), pad_sequence(list(targets), batch_first=True)


class Translator(nn.Module):
    def __init__(self, d_model=64):
        super().__init__()
        self.src_tok, self.tgt_tok = nn.Embedding(len(source_chars), d_model, padding_idx=0), nn.Embedding(len(target_chars), d_model, padding_idx=0)
        self.pos = nn.Parameter(torch.randn(32, d_model) * 0.02)
        self.transformer = nn.Transformer(d_model, 4, 2, 2, 128, dropout=0.0, batch_first=True)
        self.generator = nn.Linear(d_model, len(target_chars))

    def forward(self, src, tgt):
        pad = src == 0
        mask = self.transformer.generate_square_subsequent_mask(tgt.size(1))
        out = self.transformer(
            self.src_tok(src) + self.pos[: src.size(1)],
            self.tgt_tok(tgt) + self.pos[: tgt.size(1)],
            tgt_mask=mask,
            src_key_padding_mask=pad,
            memory_key_padding_mask=pad,
        )
        return self.generator(out)


train = [example() for _ in range(4000)]
model = Translator()
criterion = nn.CrossEntropyLoss(ignore_index=0)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.98), eps=1e-9)
for epoch in range(7):
    random.shuffle(train)
    for i in range(0, len(train), 64):
        src, tgt = collate(train[i : i + 64])
        logits = model(src, tgt[:, :-1])
        loss = criterion(logits.reshape(-1, len(target_chars)), tgt[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.4f}")

model.eval()
src, tgt = collate([example() for _ in range(200)])
written = torch.ones(200, 1, dtype=torch.long)
with torch.no_grad():
    for _ in range(11):
        written = torch.cat([written, model(src, written)[:, -1:].argmax(-1)], dim=1)
print(f"characters right {(written == tgt).float().mean().item():.3f}")
