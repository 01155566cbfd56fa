"""BYOL of rows of a table: a slow copy of the network makes the targets, which a predictor has to meet."""
import copy

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
centres = 2 * torch.randn(6, 20)


def rows(n):
    group = torch.randint(6, (n,))
    return centres[group] + 0.7 * torch.randn(n, 20), group


def augment(x):
    return torch.where(torch.rand_like(x) < 0.2, torch.zeros_like(x), x) + 0.1 * torch.randn_like(x)


online = nn.Sequential(nn.Linear(20, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Linear(96, 24))
predictor = nn.Sequential(nn.Linear(24, 48), nn.BatchNorm1d(48), nn.ReLU(), nn.Linear(48, 24))
target = copy.deepcopy(online).requires_grad_(False)
optimizer = torch.optim.Adam([*online.parameters(), *predictor.parameters()], lr=1e-3)
for step in range(600):
    x, _ = rows(128)
    one, two = augment(x), augment(x)
    loss = 0.0
    for a, b in ((one, two), (two, one)):
        p = F.normalize(predictor(online(a)), dim=-1)
        with torch.no_grad():
            z = F.normalize(target(b), dim=-1)
        loss = loss + 2 - 2 * (p * z).sum(dim=-1).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        for slow, fast in zip(target.parameters(), online.parameters()):
            slow.lerp_(fast, 0.01)
    if step % 200 == 199:
        print(f"step {step + 1} loss {loss.item():.4f}")
online.eval()
with torch.no_grad():
    (x, g), (y, h) = rows(500), rows(200)
    near = torch.cdist(F.normalize(online(y), dim=1), F.normalize(online(x), dim=1)).topk(5, largest=False).indices
print(f"knn {(g[near].mode(1).values == h).float().mean().item():.3f}")
