"""Two-stage model: embed the rows, then classify the embedding."""

import os
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
d = load_digits()
X, y = torch.tensor(d.data).float() / 8 - 0.6, torch.tensor(d.target)
perm = torch.randperm(len(X))
X, y = X[perm], y[perm]


class Embedder(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin1, self.lin2 = nn.Linear(64, 32), nn.Linear(32, 4)

    def forward(self, x):
        return torch.tanh(self.lin2(torch.relu(self.lin1(x))))


class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Sequential(nn.Linear(4, 24), nn.ReLU(), nn.Linear(24, 10))

    def forward(self, z):
        z = z.clamp(-0.999, 0.999)
        return self.lin(z)


embed, head = Embedder(), Head()
opt = torch.optim.Adam([*embed.parameters(), *head.parameters()], lr=4e-3)
ce = nn.CrossEntropyLoss()
for epoch in range(25):
    for b in torch.randperm(1400).split(35):
        loss = ce(head(embed(X[b])), y[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 5 == 4:
        with torch.no_grad():
            out = head(embed(X[1400:]))
            print(f"{epoch + 1} {loss.item():.4f} test acc {(out.argmax(1) == y[1400:]).float().mean():.4f}")
