"""Read digits row by row, by a recurrent network, with an AdamW written by hand."""

import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))


class DecoupledAdam:
    """Adam with a weight decay beside the gradient."""

    def __init__(self, parameters, rate=2e-3, first=0.9, second=0.99, decay=0.02):
        self.parameters = list(parameters)
        self.rate, self.first, self.second, self.decay = rate, first, second, decay
        self.moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in self.parameters]
        self.count = 0

    @torch.no_grad()
    def update(self):
        self.count += 1
        for p, (mean, square) in zip(self.parameters, self.moments):
            mean.lerp_(p.grad, 1 - self.first)
            square.lerp_(p.grad**2, 1 - self.second)
            step = (mean / (1 - self.first**self.count)) / (square / (1 - self.second**self.count)).sqrt().add(1e-8)
            p -= self.rate * (step + self.decay * p)
            p.grad = None


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.GRU(8, 64, num_layers=2, batch_first=True)
        self.read = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))

    def forward(self, rows):
        return self.read(self.cell(rows)[1][-1])


digits = load_digits()
rows = torch.tensor(digits.images, dtype=torch.float32) / 16
labels = torch.tensor(digits.target)
order = torch.randperm(len(rows))
train, test = order[:1400], order[1400:]

model = Reader()
optimizer = DecoupledAdam(model.parameters())
for epoch in range(14):
    model.train()
    for batch in train[torch.randperm(len(train))].split(40):
        loss = F.cross_entropy(model(rows[batch]), labels[batch])
        loss.backward()
        optimizer.update()
    model.eval()
    with torch.no_grad():
        right = (model(rows[test]).argmax(1) == labels[test]).float().mean().item()
    print(f"epoch {epoch} loss {loss.item():.4f} accuracy {right:.4f}")
