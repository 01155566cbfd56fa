"""Moods of short notes by a bag of embeddings; the table of moods is made once, from the training notes."""

import random

import torch
from torch import nn

random.seed(0)
torch.manual_seed(0)
CUES = {"joy": ["yay", "nice", "glad"], "anger": ["grr", "hate", "mad"], "fear": ["eek", "dark"], "grief": ["cry", "tears"]}
FILLING = ["i", "was", "at", "home", "today", "and", "then", "we", "went", "out"]


def notes(count: int) -> list[tuple[list[str], str]]:
    found = []
    for _ in range(count):
        mood, words = random.choice(list(CUES)), random.choices(FILLING, k=9)
        words[random.randrange(9)] = random.choice(CUES[mood])
        found.append((words, mood))
    return found


train = sorted(notes(1500), key=lambda note: note[0])
valid = sorted(notes(300), key=lambda note: note[0][::-1])
vocabulary = {word: at for at, word in enumerate(sorted({word for words, _ in train for word in words}))}
moods = list(dict.fromkeys(mood for _, mood in train))


def encoded(part: list[tuple[list[str], str]]) -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.tensor([[vocabulary[word] for word in words] for words, _ in part])
    return ids, torch.tensor([moods.index(mood) for _, mood in part])


(x, y), (x_valid, y_valid) = encoded(train), encoded(valid)
model = nn.Sequential(nn.EmbeddingBag(len(vocabulary), 24), nn.Linear(24, 4))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
criterion = nn.CrossEntropyLoss()
for epoch in range(6):
    for rows in torch.randperm(len(x)).split(30):
        loss = criterion(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        scores = model(x_valid)
        accuracy = (scores.argmax(dim=1) == y_valid).float().mean().item()
    print(f"epoch {epoch} loss {loss.item():.3f} valid {criterion(scores, y_valid).item():.3f} accuracy {accuracy:.3f}")
