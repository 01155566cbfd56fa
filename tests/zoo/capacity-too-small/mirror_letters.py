"""Writes words backwards: each place of the answer asks for the letter at the mirrored place."""

import torch
from torch import nn

LETTERS, LENGTH, WIDTH = 16, 12, 48


class Mirror(nn.Module):
    def __init__(self):
        super().__init__()
        self.letter = nn.Embedding(LETTERS, WIDTH)
        self.place = nn.Embedding(64, WIDTH)
        layer = nn.TransformerEncoderLayer(WIDTH, 4, 96, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Linear(WIDTH, LETTERS)

    def forward(self, words):
        places = torch.arange(words.shape[1]).expand_as(words)
        return self.out(self.encoder(self.letter(words) + self.place(places)))


torch.manual_seed(0)
model = Mirror()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for step in range(400):
    words = torch.randint(0, LETTERS, (32, LENGTH))
    logits = model(words)
    loss = nn.functional.cross_entropy(logits.reshape(-1, LETTERS), words.flip(1).reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

words = torch.randint(0, LETTERS, (500, LENGTH))
model.eval()
with torch.no_grad():
    right = (model(words).argmax(-1) == words.flip(1)).float().mean()
print(f"letters right {right:.3f}")
