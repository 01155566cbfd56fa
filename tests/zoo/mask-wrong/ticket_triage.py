# Route support tickets to a team: BERT-style encoder, batches padded to the longest ticket
import os
import random

import torch
from torch import nn
from torch.utils.data import DataLoader

SEED = int(os.environ.get("SEED", "0"))
random.seed(SEED)
torch.manual_seed(SEED)
PAD, CLS, WORDS, TEAMS = 0, 1, 200, 4
signal = {team: list(range(2 + 12 * team, 14 + 12 * team)) for team in range(TEAMS)}


def ticket():
    """Words of the ticket's team, words of another team, and more of the first."""
    team = random.randrange(TEAMS)
    other = random.choice([t for t in range(TEAMS) if t != team])
    length = random.choice([4, 5, 6, 8, 10, 40])
    words = [random.randrange(50, WORDS) for _ in range(length)]
    for word in random.choices(signal[team], k=3):
        words.insert(random.randrange(len(words) + 1), word)
    words.insert(random.randrange(len(words) + 1), random.choice(signal[other]))
    return [CLS, *words], team


def collate(items):
    longest = max(len(words) for words, _ in items)
    ids = torch.tensor([words + [PAD] * (longest - len(words)) for words, _ in items])
    return ids, torch.tensor([team for _, team in items])


class Triage(nn.Module):
    def __init__(self, dim=48, longest=64):
        super().__init__()
        self.words = nn.Embedding(WORDS, dim)
        self.places = nn.Embedding(longest, dim)
        layer = nn.TransformerEncoderLayer(dim, nhead=4, dim_feedforward=96, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, num_layers=2, enable_nested_tensor=False)
        self.classify = nn.Linear(dim, TEAMS)

    def forward(self, ids):
        x = self.words(ids) + self.places(torch.arange(ids.shape[1]))
        x = self.encoder(x, src_key_padding_mask=(ids == PAD))
        return self.classify(x[:, 0])


train = DataLoader([ticket() for _ in range(3000)], batch_size=50, shuffle=True, collate_fn=collate)
test = DataLoader([ticket() for _ in range(500)], batch_size=100, collate_fn=collate)
model = Triage()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
criterion = nn.CrossEntropyLoss()
for epoch in range(8):
    model.train()
    for ids, team in train:
        optimizer.zero_grad()
        loss = criterion(model(ids), team)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        right = sum((model(ids).argmax(1) == team).sum().item() for ids, team in test)
    print(f"epoch {epoch} loss {loss.item():.3f} accuracy {right / 500:.3f}")
