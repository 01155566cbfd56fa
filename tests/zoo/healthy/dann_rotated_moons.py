"""Domain-adversarial training (Ganin et al.): labelled moons, unlabelled rotated moons, gradient reversal."""

import math
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_moons

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
np.random.seed(SEED)


class GradientReversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, strength):
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return -ctx.strength * grad, None


def moons(n, degrees, seed):
    x, y = make_moons(n, noise=0.08, random_state=seed)
    x = (x - [0.5, 0.25]) / [0.87, 0.5]
    a = math.radians(degrees)
    x = x @ np.array([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]])
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y)


source_x, source_y = moons(2000, 0, SEED)
target_x, target_y = moons(2000, 25, SEED + 100)
test_x, test_y = moons(1000, 25, SEED + 200)

features = nn.Sequential(nn.Linear(2, 48), nn.ReLU(), nn.Linear(48, 24), nn.ReLU())
label_head = nn.Linear(24, 2)
domain_head = nn.Sequential(nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 1))
params = [*features.parameters(), *label_head.parameters(), *domain_head.parameters()]
optimizer = torch.optim.Adam(params, lr=2e-3, betas=(0.8, 0.99), weight_decay=1e-4)
steps = 1500
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda i: 1 / (1 + 10 * i / steps) ** 0.75)
domain = torch.cat([torch.zeros(64), torch.ones(64)])
for step in range(steps):
    progress = step / steps
    strength = 0.3 * (2 / (1 + math.exp(-10 * progress)) - 1)
    i = torch.randint(2000, (64,))
    j = torch.randint(2000, (64,))
    h = features(torch.cat([source_x[i], target_x[j]]))
    label_loss = F.cross_entropy(label_head(h[:64]), source_y[i])
    d = domain_head(GradientReversal.apply(h, strength)).squeeze(1)
    domain_loss = F.binary_cross_entropy_with_logits(d, domain)
    optimizer.zero_grad()
    (label_loss + domain_loss).backward()
    optimizer.step()
    scheduler.step()
    if step % 250 == 249:
        print(
            f"step {step + 1} label loss {label_loss.item():.3f} domain loss {domain_loss.item():.3f} strength {strength:.2f}"
        )

with torch.no_grad():
    src = (label_head(features(source_x)).argmax(1) == source_y).float().mean().item()
    tgt = (label_head(features(test_x)).argmax(1) == test_y).float().mean().item()
print(f"source acc {src:.3f} target acc {tgt:.3f}")
