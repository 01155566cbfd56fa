#!/usr/bin/env python
"""Find promoters: a 1-D convolution over one-hot DNA, 60 bases each."""

import os

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import nn
from torch.utils.data import DataLoader, Dataset

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

CODE = {"A": 0, "C": 1, "G": 2, "T": 3}


def genome_piece(promoter):
    seq = rng.choice(list("acgt"), 60)
    if promoter:
        site = rng.integers(0, 34)
        for offset, motif in ((0, "ttgaca"), (16 + rng.integers(0, 3), "tataat")):
            for k, base in enumerate(motif):
                if rng.random() < 0.93:
                    seq[site + offset + k] = base
    return "".join(seq)


class Sequences(Dataset):
    def __init__(self, n):
        self.labels = rng.integers(0, 2, n)
        self.seqs = [genome_piece(label) for label in self.labels]
        self.arrays = [self.one_hot(s) for s in self.seqs]

    @staticmethod
    def one_hot(seq):
        out = np.zeros((4, len(seq)), dtype=np.float32)
        for i, base in enumerate(seq.upper()):
            if base in CODE:  # N and other letters stay zero
                out[CODE[base], i] = 1.0
        return out

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.arrays[i], np.float32(self.labels[i])


class PromoterNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(4, 24, 7, padding=3)
        self.conv2 = nn.Conv1d(24, 24, 9, padding=4, dilation=1)
        self.drop = nn.Dropout(0.2)
        self.fc = nn.Linear(24, 1)

    def forward(self, x):
        x = torch.relu(self.conv1(x))
        x = nn.functional.max_pool1d(x, 2)
        x = torch.relu(self.conv2(x)).amax(-1)
        return self.fc(self.drop(x)).squeeze(-1)


train_loader = DataLoader(Sequences(5000), batch_size=64, shuffle=True)
valid_loader = DataLoader(Sequences(1500), batch_size=250)

device = "cuda" if torch.cuda.is_available() else "cpu"
model = PromoterNet().to(device)
opt = torch.optim.Adam(model.parameters(), lr=4e-3)
epochs = 8
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=6e-3, epochs=epochs, steps_per_epoch=len(train_loader))
bce = nn.BCEWithLogitsLoss()

for epoch in range(epochs):
    model.train()
    train_loss = 0.0
    for x, y in train_loader:
        x, y = x.to(device), y.to(device)
        loss = bce(model(x), y)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        sched.step()
        train_loss += loss.item() / len(train_loader)
    model.eval()
    scores, truth = [], []
    with torch.no_grad():
        for x, y in valid_loader:
            scores.append(model(x.to(device)).cpu())
            truth.append(y)
    auc = roc_auc_score(torch.cat(truth), torch.cat(scores))
    print(f"{epoch:02d} loss={train_loss:.4f} auc={auc:.3f}")
