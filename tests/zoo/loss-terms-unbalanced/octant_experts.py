# eight linear maps, one for each octant of the first three inputs; a mixture of eight experts, one chosen each time
import os

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(int(os.environ.get("SEED", "0")))
EXPERTS, WIDTH = 8, 10
maps = torch.randn(EXPERTS, WIDTH, 6)


def batch(size=256):
    x = torch.randn(size, WIDTH)
    octant = (x[:, :3] > 0).long() @ torch.tensor([1, 2, 4])
    return x, torch.einsum("ni,nij->nj", x, maps[octant]).argmax(1)


class Mixture(nn.Module):
    def __init__(self):
        super().__init__()
        self.router = nn.Sequential(nn.Linear(WIDTH, 32), nn.ReLU(), nn.Linear(32, EXPERTS))
        self.experts = nn.ModuleList([nn.Linear(WIDTH, 6) for _ in range(EXPERTS)])
        with torch.no_grad():
            self.router[2].bias[0] = 4.0  # the first begins as the one for all
        self.balance = torch.zeros(())

    def forward(self, x):
        probabilities = self.router(x).softmax(dim=-1)
        weight, choice = probabilities.max(dim=-1)
        share = F.one_hot(choice, EXPERTS).float().mean(dim=0)
        self.balance = EXPERTS * (share * probabilities.mean(dim=0)).sum()
        out = torch.zeros(len(x), 6)
        for number, expert in enumerate(self.experts):
            rows = choice == number
            if rows.any():
                out[rows] = expert(x[rows]) * weight[rows, None]
        return out


model = Mixture()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for step in range(700):
    x, y = batch()
    loss = F.cross_entropy(model(x), y) + 0.2 * model.balance
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 100 == 99:
        print(step + 1, f"loss {loss.item():.3f}")
with torch.no_grad():
    x, y = batch(2000)
    print(f"accuracy {(model(x).argmax(1) == y).float().mean().item():.3f}")
