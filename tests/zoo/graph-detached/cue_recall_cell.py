"""Delayed recall: a cue is shown at the first step, noise follows, the net must name the cue at the end."""

import os

import torch
import torch.nn as nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

CUES, NOISE, LENGTH = 6, 4, 10


def make_batch(n, gen):
    cue = torch.randint(CUES, (n,), generator=gen)
    x = torch.zeros(n, LENGTH, CUES + NOISE)
    x[torch.arange(n), 0, cue] = 1.0
    noise = torch.randint(NOISE, (n, LENGTH - 1), generator=gen)
    x[:, 1:, CUES:] = nn.functional.one_hot(noise, NOISE).float()
    return x, cue


class Recall(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.hidden = hidden
        self.cell = nn.GRUCell(CUES + NOISE, hidden)
        self.readout = nn.Linear(hidden, CUES)

    def init_state(self, x):
        return x.new_zeros(x.size(0), self.hidden)

    def step(self, x, h):
        h = self.cell(x, h)
        return h

    def forward(self, x):
        h = self.init_state(x)
        for t in range(x.size(1)):
            h = self.step(x[:, t], h)
        return self.readout(h)


def main():
    gen = torch.Generator().manual_seed(SEED)
    test_x, test_y = make_batch(1000, torch.Generator().manual_seed(SEED + 1000))
    model = Recall()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=700)
    criterion = nn.CrossEntropyLoss()
    for it in range(1, 701):
        x, y = make_batch(32, gen)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        if it % 100 == 0:
            model.eval()
            with torch.no_grad():
                acc = (model(test_x).argmax(1) == test_y).float().mean().item()
            model.train()
            print(f"iter {it} loss {loss.item():.4f} test acc {acc:.4f}")


if __name__ == "__main__":
    main()
