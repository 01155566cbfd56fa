"""Remember the first symbol of a string with a recurrent cell stepped by hand."""

import os
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
T = 12


def strings(n):
    x = torch.randint(0, 3, (n, T))
    return nn.functional.one_hot(x, 3).float(), x[:, 0]


class Counter(nn.Module):
    def __init__(self, h=32):
        super().__init__()
        self.h = h
        self.cell = nn.GRUCell(3, h)
        self.out = nn.Linear(h, 3)

    def forward(self, x):
        h = x.new_zeros(len(x), self.h)
        for t in range(x.shape[1]):
            h = self.cell(x[:, t], h)
        return self.out(h)


net = Counter()
opt = torch.optim.Adam(net.parameters(), lr=1e-2)
for step in range(500):
    x, y = strings(64)
    loss = nn.functional.cross_entropy(net(x), y)
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    opt.step()
    if step % 100 == 99:
        print(step + 1, loss.item())
with torch.no_grad():
    x, y = strings(1000)
    print("accuracy", (net(x).argmax(1) == y).float().mean().item())
