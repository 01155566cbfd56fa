"""Diffusion of small pictures of bars that predicts the clean picture; images as rows of 64 pixels."""
import os

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
STEPS = 50


def bars(n):
    pictures = torch.full((n, 8, 8), -1.0)
    upright, at = torch.rand(n) < 0.5, torch.randint(8, (n,))
    rows = torch.arange(n)
    pictures[rows[upright], :, at[upright]] = 1.0
    pictures[rows[~upright], at[~upright], :] = 1.0
    return pictures.flatten(1)


schedule = torch.cos(torch.linspace(0.02, 0.98, STEPS) * torch.pi / 2)  # signal; noise is the sine
embedding = nn.Embedding(STEPS, 64)
enter, body = nn.Linear(64, 192), nn.Sequential(nn.GELU(), nn.Linear(192, 192), nn.GELU(), nn.Linear(192, 64))
shift = nn.Linear(64, 192)
parameters = [*embedding.parameters(), *enter.parameters(), *body.parameters(), *shift.parameters()]
opt = torch.optim.AdamW(parameters, lr=1e-3)


def network(noisy, level):
    return body(enter(noisy) + shift(embedding(level)))


for it in range(1500):
    clean = bars(64)
    level = torch.randint(STEPS, (64,))
    signal = schedule[level].unsqueeze(1)
    noisy = signal * clean + (1 - signal**2).sqrt() * torch.randn(64, 64)
    predicted = network(noisy, level)
    loss = F.mse_loss(predicted, clean)
    opt.zero_grad(set_to_none=True)
    loss.backward()
    opt.step()
    if it % 300 == 299:
        print(f"{it + 1} loss {loss.item():.4f}")
with torch.no_grad():
    x = torch.randn(200, 64)
    for k in reversed(range(STEPS)):
        s = schedule[k]
        guess = network(x, torch.full((200,), k))
        noise = (x - s * guess) / (1 - s**2).sqrt()
        s2 = schedule[k - 1] if k else torch.tensor(1.0)
        x = s2 * guess + (1 - s2**2).clamp(min=0).sqrt() * noise
print(f"error {(x - bars(4000)[torch.cdist(x, bars(4000)).argmin(1)]).abs().mean().item():.3f} nearest {torch.cdist(x, bars(4000)).min(1).values.mean().item():.3f}")
