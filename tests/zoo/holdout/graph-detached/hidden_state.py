"""Count the ones of a bit string modulo 3 with a recurrent cell stepped by hand."""
import os
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
T = 9


def strings(n):
    x = torch.randint(0, 2, (n, T, 1)).float()
    return x, x.sum((1, 2)).long() % 3


class Counter(nn.Module):
    def __init__(self, h=32):
        super().__init__()
        self.h = h
        self.cell = nn.GRUCell(1, h)
        self.out = nn.Linear(h, 3)

    def forward(self, x):
        h = x.new_zeros(len(x), self.h)
        for t in range(x.shape[1]):
            h = self.cell(x[:, t] * 2 - 1, h.detach())
        return self.out(h)


net = Counter()
opt = torch.optim.Adam(net.parameters(), lr=1e-2)
for step in range(900):
    x, y = strings(64)
    loss = nn.functional.cross_entropy(net(x), y)
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    opt.step()
    if step % 150 == 149:
        print(step + 1, loss.item())
with torch.no_grad():
    x, y = strings(1000)
    print("accuracy", (net(x).argmax(1) == y).float().mean().item())
