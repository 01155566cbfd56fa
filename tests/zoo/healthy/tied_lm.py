"""Word-level language model whose output layer shares the embedding."""

import os
import re
from collections import Counter
from pydoc_data.topics import topics

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

tokens = re.findall(r"[a-z]+|[.,:]", " ".join(topics[k] for k in sorted(topics)).lower())[:60000]
vocab = ["<unk>"] + [w for w, _ in Counter(tokens).most_common(299)]
lookup = {w: i for i, w in enumerate(vocab)}
stream = torch.tensor([lookup.get(w, 0) for w in tokens])
blocks = stream[: len(stream) // 21 * 21].view(-1, 21)
blocks = blocks[torch.randperm(len(blocks))]
train, valid = blocks[:-300], blocks[-300:]


class TiedLM(nn.Module):
    def __init__(self, n, d=40):
        super().__init__()
        self.emb = nn.Embedding(n, d)
        nn.init.normal_(self.emb.weight, std=0.1)
        self.drop = nn.Dropout(0.2)
        self.lstm = nn.LSTM(d, d, batch_first=True)
        self.out = nn.Linear(d, n)
        self.out.weight = self.emb.weight

    def forward(self, x):
        h, _ = self.lstm(self.drop(self.emb(x)))
        return self.out(self.drop(h))


model = TiedLM(len(vocab))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
n_epochs = 4
total_steps = n_epochs * -(-len(train) // 24)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.2e-2, total_steps=total_steps)
for epoch in range(n_epochs):
    model.train()
    losses = []
    for rows in torch.randperm(len(train)).split(24):
        x = train[rows]
        loss = criterion(model(x[:, :-1]).transpose(1, 2), x[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        v = criterion(model(valid[:, :-1]).transpose(1, 2), valid[:, 1:])
    print("epoch", epoch + 1, "train ppl %.1f" % torch.tensor(losses).mean().exp(), "valid ppl %.1f" % v.exp())
