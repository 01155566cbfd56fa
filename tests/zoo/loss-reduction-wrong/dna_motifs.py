"""Which transcription factor binds here? Conv net over one-hot DNA, four motifs planted in random sequence."""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = int(os.environ.get("SEED", 0))
MOTIFS = ["TGACTCA", "CACGTGA", "GGGCGGG", "TATAAAT"]
BASES = "ACGT"


def sequences(n, length, rng):
    codes = rng.integers(0, 4, (n, length))
    labels = rng.integers(0, len(MOTIFS), n)
    for row, label in zip(codes, labels):
        motif = np.array([BASES.index(b) for b in MOTIFS[label]])
        if rng.random() < 0.3:
            motif[rng.integers(len(motif))] = rng.integers(4)
        at = rng.integers(0, length - len(motif))
        row[at:at + len(motif)] = motif
    onehot = np.eye(4, dtype=np.float32)[codes].transpose(0, 2, 1)
    return torch.from_numpy(onehot.copy()), torch.from_numpy(labels)


class MotifNet(nn.Module):
    def __init__(self, filters=32):
        super().__init__()
        self.conv = nn.Conv1d(4, filters, 9, padding=4)
        self.norm = nn.BatchNorm1d(filters)
        self.hidden = nn.Linear(filters, 32)
        self.out = nn.Linear(32, len(MOTIFS))

    def forward(self, x):
        h = F.relu(self.norm(self.conv(x))).amax(dim=2)
        return self.out(F.relu(self.hidden(h)))


class Experiment:
    batch_size = 64
    epochs = 15

    def __init__(self):
        torch.manual_seed(SEED)
        rng = np.random.default_rng(SEED)
        self.x, self.y = sequences(4000, 50, rng)
        self.x_test, self.y_test = sequences(800, 50, rng)
        self.model = MotifNet()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.05, momentum=0.9)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, self.epochs)

    def train_epoch(self):
        self.model.train()
        epoch_loss = 0.0
        for idx in torch.randperm(len(self.x)).split(self.batch_size):
            logits = self.model(self.x[idx])
            loss = F.cross_entropy(logits, self.y[idx])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            epoch_loss += loss.item()
        self.scheduler.step()
        return epoch_loss

    @torch.no_grad()
    def test(self):
        self.model.eval()
        return (self.model(self.x_test).argmax(1) == self.y_test).float().mean().item()

    def run(self):
        for epoch in range(self.epochs):
            loss = self.train_epoch()
            print(f"epoch {epoch:2d} loss {loss:.5f} test accuracy {self.test():.4f}")
        print(f"motif accuracy {self.test():.4f}")


Experiment().run()
