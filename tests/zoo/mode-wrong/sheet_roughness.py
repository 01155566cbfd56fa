"""Grade rolled sheets (A..D) by the roughness seen in a 24x24 surface scan."""
import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset, random_split

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

ROUGHNESS = [0.4, 0.8, 1.3, 2.0]


class SheetScans(Dataset):
    def __init__(self, n):
        self.grade = rng.integers(0, 4, n)
        scale = np.array(ROUGHNESS)[self.grade] * rng.uniform(0.9, 1.1, n)
        waves = rng.normal(size=(n, 26, 26))
        smooth = (waves[:, 1:-1, 1:-1] + waves[:, :-2, 1:-1] + waves[:, 1:-1, :-2]) / np.sqrt(3)
        scans = smooth * scale[:, None, None] + rng.normal(0, 0.2, (n, 1, 1))
        self.scans = torch.tensor(scans[:, None] / 1.3, dtype=torch.float32)
        self.grade = torch.tensor(self.grade)

    def __len__(self):
        return len(self.grade)

    def __getitem__(self, i):
        return self.scans[i], self.grade[i]


def block(cin, cout):
    return nn.Sequential(nn.Conv2d(cin, cout, 3, padding=1, bias=False), nn.BatchNorm2d(cout), nn.ReLU())


class Grader(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(block(1, 8), nn.MaxPool2d(2), block(8, 16), nn.AdaptiveAvgPool2d(1))
        self.classifier = nn.Linear(16, 4)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


class Trainer:
    def __init__(self, model, train_set, test_set, epochs=8):
        self.model, self.epochs = model, epochs
        self.train_loader = DataLoader(train_set, batch_size=40, shuffle=True)
        self.test_loader = DataLoader(test_set, batch_size=1)
        self.loss_fn = nn.CrossEntropyLoss()
        self.opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
        self.sched = torch.optim.lr_scheduler.CosineAnnealingLR(self.opt, epochs)

    def train_epoch(self):
        self.model.train()
        total = 0.0
        for scan, grade in self.train_loader:
            self.opt.zero_grad()
            loss = self.loss_fn(self.model(scan), grade)
            loss.backward()
            self.opt.step()
            total += loss.item()
        self.sched.step()
        return total / len(self.train_loader)

    @torch.no_grad()
    def test(self):
        self.model.eval()
        right, total = 0, 0.0
        for scan, grade in self.test_loader:
            logits = self.model(scan)
            total += self.loss_fn(logits, grade).item()
            right += (logits.argmax(1) == grade).sum().item()
        return total / len(self.test_loader), right / len(self.test_loader)

    def fit(self):
        for epoch in range(self.epochs):
            train_loss = self.train_epoch()
            test_loss, acc = self.test()
            print(f"epoch {epoch} train {train_loss:.3f} test {test_loss:.3f} acc {acc:.3f}")


scans = SheetScans(1600)
train_set, test_set = random_split(scans, [1300, 300], generator=torch.Generator().manual_seed(SEED))
Trainer(Grader(), train_set, test_set).fit()
