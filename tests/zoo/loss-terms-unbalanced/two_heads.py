"""Age group and weight of abalone-like animals from eight measurements: one network with two heads."""

import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
torch.set_num_threads(1)

size = torch.rand(3000, 1)
shape = torch.randn(3000, 7)
x = torch.cat([size, shape], 1)
grams = 2000 * size**3 * (1 + 0.1 * shape[:, :1])
group = (shape[:, 1] * shape[:, 2] + shape[:, 3] > 0).long() + (shape[:, 4] > 0.5).long()
weight = grams / 1000

train, test = slice(0, 2400), slice(2400, None)


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(8, 24), nn.ReLU(), nn.Linear(24, 12), nn.ReLU())
        self.weight, self.group = nn.Linear(12, 1), nn.Linear(12, 3)

    def forward(self, x):
        h = self.trunk(x)
        return self.weight(h), self.group(h)


net = TwoHeads()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
mse, ce = nn.MSELoss(), nn.CrossEntropyLoss()
heavy = 1.0
for epoch in range(20):
    for rows in torch.randperm(2400).split(32):
        w, g = net(x[rows])
        loss_weight = mse(w, weight[rows])
        loss_group = ce(g, group[rows])
        loss = heavy * loss_weight + loss_group
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
with torch.no_grad():
    accuracy = (net(x[test])[1].argmax(1) == group[test]).float().mean().item()
print(f"group accuracy {accuracy:.3f}")
