"""Final state of two valves from a log of commands (most log lines are unrelated to the valves)."""

import os
import random

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
np.random.seed(SEED)
torch.manual_seed(SEED)

CFG = dict(
    n_train=4000,
    n_test=1000,
    length=24,
    vocab=12,
    emb=16,
    hidden=48,
    batch_size=64,
    epochs=6,
    lr=4e-3,
    weight_decay=0.01,
)


def make_logs(n, length, vocab):
    tokens = np.random.randint(4, vocab, size=(n, length))
    commands = np.random.rand(n, length) < 0.16
    tokens[commands] = np.random.randint(0, 4, size=commands.sum())
    labels = np.zeros(n, dtype=np.int64)
    for i in range(n):
        a = b = 0
        for t in tokens[i]:
            if t == 0:
                a = 1
            elif t == 1:
                a = 0
            elif t == 2:
                b = 1
            elif t == 3:
                b = 0
        labels[i] = 2 * a + b
    return TensorDataset(torch.from_numpy(tokens), torch.from_numpy(labels))


class ValveNet(nn.Module):
    def __init__(self, vocab, emb, hidden):
        super().__init__()
        self.embed = nn.Embedding(vocab, emb)
        self.rnn = nn.GRU(emb, hidden, batch_first=True)
        self.norm = nn.LayerNorm(hidden)
        self.head = nn.Linear(hidden, 4)

    def forward(self, x):
        _, h = self.rnn(self.embed(x))
        return self.head(self.norm(h[-1]))


def build_optimizer(model, lr, weight_decay):
    decay, no_decay = [], []
    for name, p in model.named_parameters():
        if name.endswith(".weight") and p.ndim > 1:
            decay.append(p)
        else:
            no_decay.append(p)
    groups = [{"params": decay, "weight_decay": weight_decay}, {"params": no_decay, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=lr)


def evaluate(model, loader):
    model.eval()
    good = total = 0
    with torch.no_grad():
        for x, y in loader:
            good += (model(x).argmax(1) == y).sum().item()
            total += len(y)
    return good / total


def main(cfg):
    train = DataLoader(make_logs(cfg["n_train"], cfg["length"], cfg["vocab"]), cfg["batch_size"], shuffle=True)
    test = DataLoader(make_logs(cfg["n_test"], cfg["length"], cfg["vocab"]), 500)
    model = ValveNet(cfg["vocab"], cfg["emb"], cfg["hidden"])
    opt = build_optimizer(model, cfg["lr"], cfg["weight_decay"])
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, cfg["epochs"] * len(train))
    criterion = nn.CrossEntropyLoss()
    for epoch in range(1, cfg["epochs"] + 1):
        model.train()
        running = 0.0
        for x, y in train:
            opt.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
            sched.step()
            running += loss.item() * len(y)
        print(f"epoch {epoch:2d}  loss {running / cfg['n_train']:.4f}  test acc {evaluate(model, test):.4f}")


if __name__ == "__main__":
    main(CFG)
