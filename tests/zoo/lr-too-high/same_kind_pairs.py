"""Are two pictures of one kind? Raw bytes, which the batch norm behind the first layer scales."""

import os

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
KINDS = torch.randint(0, 256, (10, 64)).float()


def draw(count):
    first = torch.randint(10, (count,))
    same = torch.rand(count) < 0.5
    second = torch.where(same, first, (first + torch.randint(1, 10, (count,))) % 10)
    left, right = ((KINDS[kind] + 40.0 * torch.randn(count, 64)).clamp(0.0, 255.0) for kind in (first, second))
    return left, right, same.float()


class Pairs(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 64, bias=False), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 32))
        self.head = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, left, right):
        return self.head(torch.cat([self.body(left), self.body(right)], dim=1)).squeeze(1)


model = Pairs()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for step in range(1000):
    left, right, same = draw(64)
    loss = nn.functional.binary_cross_entropy_with_logits(model(left, right), same)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

model.eval()
with torch.no_grad():
    left, right, same = draw(2000)
    correct = (model(left, right) > 0.0) == (same > 0.5)
print(f"accuracy {correct.float().mean():.3f}")
