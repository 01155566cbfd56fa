# handwritten digits; what is evaluated is a running average of the weights
import copy
import os

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

torch.manual_seed(int(os.environ.get("SEED", "0")))
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x, dtype=torch.float32) / 16, torch.tensor(y)
order = torch.randperm(len(y))
x, y = x[order], y[order]

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
average = copy.deepcopy(model).requires_grad_(False)
DECAY = 0.999
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(40):
    for rows in torch.randperm(1400).split(50):
        loss = F.cross_entropy(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(average.parameters(), model.parameters()):
                slow.mul_(DECAY).add_(fast.to(slow.dtype), alpha=1 - DECAY)
    if epoch % 10 == 9:
        kind = next(average.parameters()).dtype
        right = (average(x[1400:].to(kind)).argmax(1) == y[1400:]).float().mean().item()
        print(f"epoch {epoch + 1} loss {loss.item():.4f} averaged accuracy {right:.3f}")
