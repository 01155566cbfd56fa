"""Which of four languages does an (invented) village name come from? Letter GRU."""
import os
import random

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
torch.manual_seed(SEED)

SYLLABLES = {
    "north": ["kol", "vik", "nes", "fjo", "hal", "ber", "sta", "dal", "gru", "lun"],
    "south": ["ca", "ri", "llo", "mon", "te", "va", "no", "sa", "pie", "dra"],
    "east": ["gra", "dov", "nik", "pol", "ska", "bor", "ze", "mir", "ov", "str"],
    "west": ["ker", "pen", "tre", "lan", "pol", "ros", "gwy", "mor", "ca", "bry"],
}
LANGS = list(SYLLABLES)
ALPHABET = "abcdefghijklmnopqrstuvwxyz"
CONFIG = dict(embed=16, hidden=48, keep=0.9, lr=4e-3, epochs=9, batch=64)


def make_name(lang):
    name = "".join(random.choice(SYLLABLES[lang]) for _ in range(random.randint(2, 4)))
    letters = [random.choice(ALPHABET) if random.random() < 0.04 else c for c in name]
    return "".join(letters)


def dataset(n):
    rows = []
    for _ in range(n):
        k = random.randrange(len(LANGS))
        rows.append((torch.tensor([ALPHABET.index(c) + 1 for c in make_name(LANGS[k])]), k))
    return rows


def batches(rows, size, shuffle):
    rows = random.sample(rows, len(rows)) if shuffle else rows
    for i in range(0, len(rows), size):
        part = rows[i:i + size]
        lengths = torch.tensor([len(s) for s, _ in part])
        yield pad_sequence([s for s, _ in part], batch_first=True), lengths, torch.tensor([k for _, k in part])


class NameNet(nn.Module):
    def __init__(self, embed, hidden, p):
        super().__init__()
        self.embed = nn.Embedding(len(ALPHABET) + 1, embed, padding_idx=0)
        self.drop = nn.Dropout(p)
        self.gru = nn.GRU(embed, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, len(LANGS))

    def forward(self, x, lengths):
        e = self.drop(self.embed(x))
        packed = pack_padded_sequence(e, lengths, batch_first=True, enforce_sorted=False)
        _, h = self.gru(packed)
        return self.fc(self.drop(h[-1]))


def run(net, rows, opt=None):
    net.train(opt is not None)
    total, right = 0.0, 0
    with torch.set_grad_enabled(opt is not None):
        for x, lengths, y in batches(rows, CONFIG["batch"], shuffle=opt is not None):
            logits = net(x, lengths)
            loss = nn.functional.cross_entropy(logits, y)
            if opt is not None:
                opt.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(net.parameters(), 5.0)
                opt.step()
            total += loss.item() * len(y)
            right += (logits.argmax(1) == y).sum().item()
    return total / len(rows), right / len(rows)


def main():
    train_rows, dev_rows = dataset(3000), dataset(800)
    net = NameNet(CONFIG["embed"], CONFIG["hidden"], p=1 - CONFIG["keep"])
    opt = torch.optim.NAdam(net.parameters(), lr=CONFIG["lr"])
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, CONFIG["epochs"])
    for epoch in range(CONFIG["epochs"]):
        train_loss, train_acc = run(net, train_rows, opt)
        sched.step()
        dev_loss, dev_acc = run(net, dev_rows)
        print(f"{epoch:2d} train loss {train_loss:.3f} ({train_acc:.3f}) dev loss {dev_loss:.3f} acc {dev_acc:.3f}")


main()
