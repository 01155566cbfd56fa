"""Residual MLP of configurable depth on moons with noise dimensions."""

import os
import torch
from sklearn.datasets import make_moons
from torch import nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)


class Stack(nn.Module):
    def __init__(self, n_in, width, depth):
        super().__init__()
        sizes = [n_in] + [width] * depth
        self.layers = nn.ModuleList([nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])])
        self.head = nn.Linear(width, 1)

    def forward(self, x):
        for layer in self.layers:
            x = torch.tanh(layer(x))
        return self.head(x)


m, y = make_moons(1600, noise=0.15, random_state=seed)
X = torch.cat([torch.tensor(m).float(), torch.randn(1600, 6)], 1)
y = torch.tensor(y).float().unsqueeze(1)
model = Stack(8, 12, 3)
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
for epoch in range(25):
    for b in torch.randperm(1200).split(30):
        loss = nn.functional.binary_cross_entropy_with_logits(model(X[b]), y[b])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        with torch.no_grad():
            o = model(X[1200:])
        print(
            "epoch %d train %.3f val %.3f acc %.3f"
            % (
                epoch + 1,
                loss.item(),
                nn.functional.binary_cross_entropy_with_logits(o, y[1200:]),
                ((o > 0) == y[1200:].bool()).float().mean(),
            )
        )
