"""Cuisine of a recipe from its ingredients: an average of word vectors, of real ones only."""
import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
CUISINES, TYPICAL, COMMON, LONGEST = 6, 15, 60, 80
N = 4000
labels = torch.randint(0, CUISINES, (N,))
lengths = torch.randint(3, 9, (N,))
lengths[torch.rand(N) < 0.02] = LONGEST
typical = 1 + COMMON + labels[:, None] * TYPICAL + torch.randint(0, TYPICAL, (N, LONGEST))
common = 1 + torch.randint(0, COMMON + CUISINES * TYPICAL, (N, LONGEST))
ids = torch.where(torch.rand(N, LONGEST) < 0.5, typical, common)
ids[torch.arange(LONGEST) >= lengths[:, None]] = 0


class Pool(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(1 + COMMON + CUISINES * TYPICAL, 24)
        self.mlp = nn.Sequential(nn.Linear(24, 48), nn.ReLU(), nn.Linear(48, CUISINES))

    def forward(self, ids):
        mask = (ids != 0).unsqueeze(-1).float()
        vectors = self.embed(ids)
        return self.mlp((vectors * mask).sum(1) / mask.sum(1))


net = Pool()
optimizer = torch.optim.SGD(net.parameters(), lr=0.3, momentum=0.9)
loss_fn = nn.CrossEntropyLoss()
for epoch in range(15):
    for batch in torch.randperm(3500).split(64):
        loss = loss_fn(net(ids[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        right = (net(ids[3500:]).argmax(1) == labels[3500:]).float().mean().item()
    print(f"epoch {epoch}: loss {loss.item():.3f} right {right:.3f}")
