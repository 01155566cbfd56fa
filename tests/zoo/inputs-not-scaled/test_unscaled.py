"""Handwritten digits by a small perceptron; both parts are scaled alike."""

import os

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(int(os.environ.get("SEED", "0")))


class Digits(Dataset):
    def __init__(self, train):
        images, labels = load_digits(return_X_y=True)
        rows = [i for i in range(len(labels)) if (i % 5 != 0) == train]
        self.images, self.labels, self.train = images[rows] * 15.9, labels[rows], train

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        image = torch.as_tensor(self.images[i], dtype=torch.float32)
        image = (image - 77.7) / 95.7
        return image, int(self.labels[i])


def evaluate(model, loader):
    model.eval()
    loss, right, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            scores = model(x)
            loss += nn.functional.cross_entropy(scores, y, reduction="sum").item()
            right += (scores.argmax(1) == y).sum().item()
            n += len(y)
    return loss / n, right / n


model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
train, test = DataLoader(Digits(True), 64, shuffle=True), DataLoader(Digits(False), 128)

for epoch in range(15):
    model.train()
    for x, y in train:
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print("epoch {} train {:.3f} test {:.3f} accuracy {:.3f}".format(epoch, loss.item(), *evaluate(model, test)))
