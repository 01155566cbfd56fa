import os
import random

import torch
from torch import nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
random.seed(seed)


def sentence(length=24):
    """Brackets, and for each whether it is matched."""
    text = [random.choice("()") for _ in range(length)]
    matched, open_at = [0] * length, []
    for i, bracket in enumerate(text):
        if bracket == "(":
            open_at.append(i)
        elif open_at:
            matched[open_at.pop()] = matched[i] = 1
    return [int(bracket == ")") for bracket in text], matched


class Tagger(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.embedding = nn.Embedding(2, 16)
        self.gru = nn.GRU(16, width, num_layers=2, dropout=0.5, bidirectional=True, batch_first=True)
        self.dropout = nn.Dropout(0.5)
        self.tags = nn.Linear(2 * width, 2)

    def forward(self, tokens):
        states, _ = self.gru(self.dropout(self.embedding(tokens)))
        return self.tags(self.dropout(states))


def train(tagger, pairs, epochs=6):
    tokens = torch.tensor([text for text, _ in pairs])
    tags = torch.tensor([matched for _, matched in pairs])
    optimizer = torch.optim.Adam(tagger.parameters(), lr=5e-3)
    tagger.train()
    for epoch in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(tokens)).split(50):
            loss = nn.functional.cross_entropy(tagger(tokens[rows]).transpose(1, 2), tags[rows])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(tagger.parameters(), 1.0)
            optimizer.step()
            total += loss.item() * len(rows)
        print(f"epoch {epoch} loss {total / len(tokens):.4f}")
    tagger.eval()


def tag(tagger, text):
    with torch.no_grad():
        return tagger(torch.tensor([text]))[0].argmax(-1).tolist()


tagger = Tagger()
train(tagger, [sentence() for _ in range(2000)])
held_out = [sentence() for _ in range(200)]
right = sum(tag(tagger, text) == matched for text, matched in held_out)
print(f"sentences tagged without a mistake: {right / len(held_out):.3f}")
