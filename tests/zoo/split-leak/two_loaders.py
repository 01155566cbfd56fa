"""Digits with a simple validation split."""

import os
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
d = load_digits()
full = TensorDataset(torch.tensor(d.images).float().unsqueeze(1) / 16, torch.tensor(d.target))
n = 500
order = torch.randperm(len(full)).tolist()
train_ids = order[:n]
valid_ids = order[n:n + 250]
train_loader = DataLoader(Subset(full, train_ids), batch_size=25, shuffle=True)
valid_loader = DataLoader(Subset(full, valid_ids), batch_size=125)


class LeNetish(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.classifier = nn.Linear(12 * 16, 10)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


def evaluate(model, loader):
    model.eval()
    with torch.no_grad():
        res = [
            (nn.functional.cross_entropy(model(x), t).item(), (model(x).argmax(1) == t).float().mean().item())
            for x, t in loader
        ]
    return [sum(v) / len(v) for v in zip(*res)]


model = LeNetish()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
for epoch in range(20):
    model.train()
    for x, t in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), t).backward()
        optimizer.step()
    if epoch % 4 == 3:
        print("epoch %2d  valid loss %.4f  valid acc %.4f" % (epoch + 1, *evaluate(model, valid_loader)))
