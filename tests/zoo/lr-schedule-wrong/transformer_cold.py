"""Sort eight digits with a transformer."""

import os
import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)
STEPS, WARMUP, PEAK = 300, 80, 1.6e-2


class Sorter(nn.Module):
    def __init__(self, d=48, layers=4, length=8):
        super().__init__()
        self.embed = nn.Embedding(10, d)
        self.place = nn.Parameter(0.1 * torch.randn(length, d))
        block = nn.TransformerEncoderLayer(d, 4, 2 * d, dropout=0.0, batch_first=True)
        self.body = nn.TransformerEncoder(block, layers, enable_nested_tensor=False)
        self.head = nn.Linear(d, 10)

    def forward(self, x):
        return self.head(self.body(self.embed(x) + self.place))


def draw(n):
    x = torch.randint(10, (n, 8))
    return x, x.sort(1).values


def rate(step):
    return min((step + 1) / WARMUP, (STEPS - step) / (STEPS - WARMUP))


model = Sorter()
opt = torch.optim.Adam(model.parameters(), lr=PEAK, betas=(0.9, 0.98))
sched = torch.optim.lr_scheduler.LambdaLR(opt, rate)
x_val, y_val = draw(300)
mean = 0.0
for step in range(STEPS):
    x, y = draw(24)
    loss = nn.functional.cross_entropy(model(x).flatten(0, 1), y.flatten())
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    mean += loss.item() / 50
    if step % 50 == 49:
        model.eval()
        with torch.no_grad():
            out = model(x_val).flatten(0, 1)
        model.train()
        print(f"step {step + 1} loss {mean:.4f} val {nn.functional.cross_entropy(out, y_val.flatten()):.4f}")
        mean = 0.0
