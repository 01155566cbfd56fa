"""Read digit strings from a one-line meter signal with CTC (no alignment given)."""

import os
import random

import numpy as np
import torch
from torch import nn

SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
np.random.seed(SEED)
torch.manual_seed(SEED)

SYMBOLS = 6  # 0 is the blank
ROWS, MAX_LEN, WIDTH = 8, 4, 40
GLYPHS = np.random.choice([0.0, 1.0], size=(SYMBOLS - 1, ROWS, 5))


def draw_batch(n):
    images = np.zeros((n, ROWS, WIDTH), dtype=np.float32)
    targets, lengths = [], []
    for i in range(n):
        k = random.randint(2, MAX_LEN)
        pos = random.randint(0, 3)
        for _ in range(k):
            s = random.randint(1, SYMBOLS - 1)
            images[i, :, pos : pos + 5] = GLYPHS[s - 1]
            pos += 5 + random.randint(2, 4)
            targets.append(s)
        lengths.append(k)
    images = (images - 0.25) / 0.43 + 0.2 * np.random.randn(*images.shape)
    return torch.tensor(images, dtype=torch.float32), torch.tensor(targets), torch.tensor(lengths)


class MeterReader(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv1d(ROWS, 48, 5, padding=2), nn.ReLU(), nn.Conv1d(48, 48, 3, padding=1, stride=2), nn.ReLU()
        )
        self.rnn = nn.GRU(48, 24, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(48, SYMBOLS)

    def forward(self, x):
        h, _ = self.rnn(self.conv(x).transpose(1, 2))
        return self.fc(h).log_softmax(-1)


def greedy(log_p):
    out = []
    for row in log_p.argmax(-1).tolist():
        s, prev = [], 0
        for c in row:
            if c != prev and c != 0:
                s.append(c)
            prev = c
        out.append(s)
    return out


model = MeterReader()
ctc = nn.CTCLoss(blank=0)
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 300)
test_x, test_t, test_l = draw_batch(300)
test_strings = [t.tolist() for t in test_t.split(test_l.tolist())]

for step in range(1, 301):
    x, t, l = draw_batch(24)
    log_p = model(x).transpose(0, 1)
    steps = torch.full((x.size(0),), log_p.size(0), dtype=torch.long)
    loss = ctc(log_p, t, steps, l)
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 2.0)
    opt.step()
    sched.step()
    if step % 50 == 0:
        model.eval()
        with torch.no_grad():
            read = greedy(model(test_x))
        model.train()
        exact = np.mean([a == b for a, b in zip(read, test_strings)])
        print(f"step {step} ctc {loss.item():.4f} exact {exact:.3f}")
