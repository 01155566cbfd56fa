"""Route support tickets to one of eight desks (EmbeddingBag over word ids, synthetic corpus)."""

import argparse
import os
import random

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader

SEED = int(os.environ.get("SEED", 0))
VOCAB, DESKS = 500, 8


def corpus(n, rng):
    background = rng.dirichlet(np.full(VOCAB, 0.5))
    desk_words = rng.dirichlet(np.full(VOCAB, 0.05), size=DESKS)
    tickets = []
    for _ in range(n):
        desk = int(rng.integers(DESKS))
        length = int(rng.integers(15, 40))
        p = 0.65 * background + 0.35 * desk_words[desk]
        tickets.append((rng.choice(VOCAB, length, p=p), desk))
    return tickets


def collate(batch):
    ids = [torch.from_numpy(w) for w, _ in batch]
    offsets = torch.tensor([0] + [len(w) for w in ids[:-1]]).cumsum(0)
    return torch.cat(ids), offsets, torch.tensor([d for _, d in batch])


class Router(nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.bag = nn.EmbeddingBag(VOCAB, dim, mode="mean")
        self.out = nn.Linear(dim, DESKS)

    def forward(self, ids, offsets):
        return self.out(self.bag(ids, offsets))


def evaluate(model, loader, criterion):
    model.eval()
    loss = hits = n = 0
    with torch.no_grad():
        for ids, off, y in loader:
            out = model(ids, off)
            loss += criterion(out, y).item() * len(y)
            hits += (out.argmax(1) == y).sum().item()
            n += len(y)
    return loss / n, hits / n


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--lr", type=float, default=5e-3)
    args = parser.parse_args()
    random.seed(SEED)
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    data = corpus(5000, rng)
    train_loader = DataLoader(data[:4000], args.batch_size, shuffle=True, collate_fn=collate)
    test_loader = DataLoader(data[4000:], 500, collate_fn=collate)
    model = Router()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.05)
    scheduler = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=args.epochs)
    for epoch in range(args.epochs):
        model.train()
        total = n = 0
        for ids, off, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(ids, off), y)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(y)
            n += len(y)
        scheduler.step()
        tl, ta = evaluate(model, test_loader, criterion)
        print(f"epoch {epoch + 1:2d} train loss {total / n:.3f} test loss {tl:.3f} test acc {ta:.3f}")


if __name__ == "__main__":
    main()
