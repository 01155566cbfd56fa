"""Two encoders learn to match measurements with descriptions, as CLIP does: a learnt temperature, both directions."""
import os

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
mix, words = torch.randn(12, 40), torch.randn(12, 24)


def pairs(n):
    cause = torch.randn(n, 12)
    return torch.tanh(cause @ mix) + 0.1 * torch.randn(n, 40), torch.relu(cause @ words) + 0.1 * torch.randn(n, 24)


left = nn.Sequential(nn.Linear(40, 128), nn.GELU(), nn.Linear(128, 16))
right = nn.Sequential(nn.Linear(24, 128), nn.GELU(), nn.Linear(128, 16))
log_scale = nn.Parameter(torch.tensor(2.6))
opt = torch.optim.AdamW([{"params": [*left.parameters(), *right.parameters()]}, {"params": [log_scale], "weight_decay": 0.0}], lr=1e-3)
for step in range(1200):
    a, b = pairs(64)
    x, y = F.normalize(left(a), dim=-1), F.normalize(right(b), dim=-1)
    logits = log_scale.exp() * x @ y.T
    labels = torch.arange(64)
    loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 300 == 299:
        print(f"step {step + 1} loss {loss.item():.3f}")
with torch.no_grad():
    a, b = pairs(256)
    found = (F.normalize(left(a), dim=-1) @ F.normalize(right(b), dim=-1).T).argmax(1)
print(f"recall {(found == torch.arange(256)).float().mean().item():.3f}")
