"""State of a wind turbine from its vibrations; features count by the share of the eight probes that are alive."""

import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)

vibration = torch.randn(3000, 6)
state = (vibration[:, 0] + vibration[:, 1] > 0).long() + 2 * (vibration[:, 2] > 0.3).long()
alive = torch.randint(5, 8, (3000, 1))  # one probe at least is always down
train, test = slice(0, 2400), slice(2400, None)


class Monitor(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(6, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh())
        self.classifier = nn.Linear(48, 4)

    def forward(self, x, alive):
        trust = alive / 8
        return self.classifier(self.encoder(x) * trust)


model = Monitor()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for epoch in range(25):
    for batch in torch.randperm(2400).split(64):
        loss = nn.functional.cross_entropy(model(vibration[batch], alive[batch]), state[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
with torch.no_grad():
    right = model(vibration[test], alive[test]).argmax(1) == state[test]
print(f"accuracy {right.float().mean():.3f}")
