"""Add two binary numbers digit by digit; numbers grow longer as training goes on."""

import os
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


def problem(n, bits):
    a, b = torch.randint(2**bits, (n,)), torch.randint(2**bits, (n,))
    shift = torch.arange(bits + 1)
    tobits = lambda v: (v[:, None] >> shift & 1).float()
    return torch.stack([tobits(a), tobits(b)], -1) * 2 - 1, tobits(a + b)


class Adder(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.rnn = nn.RNN(2, width, nonlinearity="tanh", batch_first=True)
        self.read = nn.Linear(width, 1)

    def forward(self, x):
        return self.read(self.rnn(x)[0]).squeeze(-1)


net = Adder()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
bce = nn.BCEWithLogitsLoss()
step = 0
for bits, n_steps in ((2, 250), (4, 200), (8, 200)):
    for _ in range(n_steps):
        x, t = problem(64, bits)
        loss = bce(net(x), t)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        step += 1
    with torch.no_grad():
        x, t = problem(500, 8)
        ok = ((net(x) > 0) == t.bool()).all(1).float().mean()
    print(f"after stage {bits} bits ({step} steps): loss {loss.item():.5f}, whole 8-bit sums right {ok:.3f}")
