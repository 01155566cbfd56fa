"""Read a digit row by row with a small transformer encoder."""

import argparse
import math
import os
import random

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))


class RowTransformer(nn.Module):
    def __init__(self, width=32, heads=4, layers=2, classes=10):
        super().__init__()
        self.embed = nn.Linear(8, width)
        self.pos = nn.Parameter(torch.randn(1, 8, width) * 0.02)
        layer = nn.TransformerEncoderLayer(width, heads, dim_feedforward=64, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def forward(self, rows):
        h = self.encoder(self.embed(rows) + self.pos)
        return self.head(self.norm(h.mean(dim=1)))


class Trainer:
    def __init__(self, model, args, train_loader, val_loader):
        self.model = model
        self.train_loader = train_loader
        self.val_loader = val_loader
        self.epochs = args.epochs
        self.loss_fn = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.01)
        total = args.epochs * len(train_loader)
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda s: min(1.0, (s + 1) / 50) * 0.5 * (1 + math.cos(math.pi * s / total))
        )

    def fit(self):
        for epoch in range(self.epochs):
            self.model.train()
            running = 0.0
            for rows, target in self.train_loader:
                self.optimizer.zero_grad()
                loss = self.loss_fn(self.model(rows), target)
                loss.backward()
                self.optimizer.step()
                self.scheduler.step()
                running += loss.item() * len(rows)
            val_loss, val_acc = self.evaluate()
            print(
                f"[{epoch + 1}/{self.epochs}] train {running / len(self.train_loader.dataset):.4f} "
                f"val {val_loss:.4f} acc {val_acc:.4f}"
            )

    @torch.no_grad()
    def evaluate(self):
        self.model.eval()
        loss, correct, n = 0.0, 0, 0
        for rows, target in self.val_loader:
            out = self.model(rows)
            loss += self.loss_fn(out, target).item() * len(rows)
            correct += (out.argmax(1) == target).sum().item()
            n += len(rows)
        return loss / n, correct / n


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.002)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=64)
    args = parser.parse_args()

    random.seed(SEED)
    np.random.seed(SEED)
    torch.manual_seed(SEED)

    digits = load_digits()
    x = (digits.images.astype(np.float32) - 4.9) / 6.0
    x_tr, x_va, y_tr, y_va = train_test_split(
        x, digits.target, test_size=0.25, random_state=SEED, stratify=digits.target
    )
    train_loader = DataLoader(
        TensorDataset(torch.tensor(x_tr), torch.tensor(y_tr)), batch_size=args.batch_size, shuffle=True
    )
    val_loader = DataLoader(TensorDataset(torch.tensor(x_va), torch.tensor(y_va)), batch_size=256)
    Trainer(RowTransformer(), args, train_loader, val_loader).fit()
