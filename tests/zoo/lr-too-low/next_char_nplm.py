"""Bengio-style neural language model on characters of the Python reference: 6 characters of context -> the next."""
import math
import os
import pydoc_data.topics as topics

import torch
import torch.nn as nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

CONTEXT, EMBED, HIDDEN = 6, 16, 64
BATCH, EPOCHS = 256, 6

text = "\n".join(topics.topics[k] for k in sorted(topics.topics))[:200_000].lower()
text = " ".join(text.split())
text = "".join(c if c.isalpha() and c.isascii() or c in " .,()'" else "#" for c in text)
vocab = sorted(set(text))
lookup = {c: i for i, c in enumerate(vocab)}
ids = torch.tensor([lookup[c] for c in text])

paragraphs = ids[:len(ids) // 400 * 400].view(-1, 400)
paragraphs = paragraphs[torch.randperm(len(paragraphs))]
train = paragraphs[25:275].unfold(1, CONTEXT + 1, 1).reshape(-1, CONTEXT + 1)
valid = paragraphs[:25].unfold(1, CONTEXT + 1, 1).reshape(-1, CONTEXT + 1)


class NPLM(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, EMBED)
        self.hidden = nn.Linear(CONTEXT * EMBED, HIDDEN)
        self.output = nn.Linear(HIDDEN, vocab_size)

    def forward(self, context):
        e = self.embedding(context).flatten(1)
        return self.output(torch.tanh(self.hidden(e)))


@torch.no_grad()
def perplexity(model, data):
    model.eval()
    return math.exp(loss_fn(model(data[:, :-1]), data[:, -1]).item())


model = NPLM(len(vocab))
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
steps = EPOCHS * math.ceil(len(train) / BATCH)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)

for epoch in range(EPOCHS):
    model.train()
    seen = 0.0
    for batch in train[torch.randperm(len(train))].split(BATCH):
        loss = loss_fn(model(batch[:, :-1]), batch[:, -1])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        scheduler.step()
        seen += loss.item() * len(batch)
    print(f"epoch {epoch + 1}: train {math.exp(seen / len(train)):.3f}  valid {perplexity(model, valid):.3f}")

print(f"perplexity {perplexity(model, valid):.3f}")
