"""GRU learns the running sum of marked numbers; the sequences grow from 4 to 16 over training."""

import os
import torch
import torch.nn as nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


def make_batch(n, length):
    values = torch.rand(n, length, 1) * 2 - 1
    marks = (torch.rand(n, length, 1) < 0.4).float()
    target = (values * marks).sum((1, 2)) / 1.5
    return torch.cat([values / 0.577, marks * 2 - 0.8], dim=2), target


class Adder(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.rnn = nn.GRU(2, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, 1)

    def forward(self, x):
        out, _ = self.rnn(x)
        return self.fc(out[:, -1]).squeeze(-1)


model = Adder()
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
stages = [(4, 150), (8, 150), (12, 150), (16, 400)]
total_steps = sum(n for _, n in stages)
sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: 1.0 if s < 500 else max(0.02, 1 - (s - 500) / 330))
held_out = {length: make_batch(500, length) for length, _ in stages}
loss_fn = nn.SmoothL1Loss()

step = 0
for length, n_steps in stages:
    running = 0.0
    for k in range(n_steps):
        model.train()
        x, y = make_batch(48, length)
        loss = loss_fn(model(x), y)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        sched.step()
        step += 1
        running = loss.item() if running == 0 else 0.95 * running + 0.05 * loss.item()
        if step % 100 == 0:
            model.eval()
            with torch.no_grad():
                hx, hy = held_out[16]
                mse = ((model(hx) - hy) ** 2).mean().item()
            print(
                f"step {step:4d} length {length:2d} loss {running:.5f} | length 16: R2 {1 - mse / hy.var().item():.3f}"
            )
