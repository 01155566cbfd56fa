"""Online learning: the orders of a web shop arrive hour by hour, predicted first, learned afterwards, seen once.
The customers' taste changes twice."""

import os

import numpy as np
import torch
from torch import nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

HOURS, PER_HOUR, N_FEATURES = 2400, 16, 12
CHANGES = {800, 1600}


def stream():
    taste = rng.normal(size=N_FEATURES)
    for hour in range(HOURS):
        if hour in CHANGES:
            taste = rng.normal(size=N_FEATURES)
        x = rng.normal(size=(PER_HOUR, N_FEATURES))
        bend = 0.8 * np.abs(x[:, 0]) - 0.6
        logit = 3.0 * x @ taste / np.linalg.norm(taste) + bend
        y = rng.random(PER_HOUR) < 1 / (1 + np.exp(-2 * logit))
        yield hour, torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)


model = nn.Sequential(nn.Linear(N_FEATURES, 24), nn.ReLU(), nn.Linear(24, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.8)
bce = nn.BCEWithLogitsLoss()
recent, loss_recent, late = [], [], []

for hour, x, y in stream():
    logit = model(x).squeeze(1)
    hits = ((logit > 0) == (y > 0.5)).float().mean().item()
    loss = bce(logit, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    recent.append(hits)
    loss_recent.append(loss.item())
    if hour % 800 >= 400:
        late.append(hits)
    if (hour + 1) % 200 == 0:
        print(f"hour {hour + 1} prequential loss {np.mean(loss_recent):.3f} accuracy {np.mean(recent):.3f}")
        recent, loss_recent = [], []
print(f"settled accuracy {np.mean(late):.3f}")
