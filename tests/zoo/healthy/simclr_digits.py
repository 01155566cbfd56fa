"""Contrastive pre-training on shifted and noisy digits, then a linear probe."""

import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

images = torch.tensor(load_digits().images).float()[:, None] / 16
labels = load_digits().target


def augment(x):
    dx, dy = torch.randint(-1, 2, (2,)).tolist()
    x = torch.roll(x, (dy, dx), (2, 3))
    x = x * (0.8 + 0.4 * torch.rand(len(x), 1, 1, 1))
    return x + 0.1 * torch.randn_like(x)


def nt_xent(z1, z2, tau=0.3):
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    sim = z @ z.T / tau
    sim.fill_diagonal_(-1e9)
    n = len(z1)
    target = torch.cat([torch.arange(n, 2 * n), torch.arange(n)])
    return F.cross_entropy(sim, target)


encoder = nn.Sequential(
    nn.Conv2d(1, 12, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(12, 24, 3, padding=1),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(24 * 16, 48),
)
projector = nn.Sequential(nn.ReLU(), nn.Linear(48, 24))
opt = torch.optim.Adam([*encoder.parameters(), *projector.parameters()], lr=1e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=400)
for step in range(400):
    b = torch.randint(len(images), (80,))
    z1, z2 = projector(encoder(augment(images[b]))), projector(encoder(augment(images[b])))
    loss = nt_xent(z1, z2)
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    if step % 80 == 0:
        print(step, "nt-xent", round(loss.item(), 3))
with torch.no_grad():
    feats = F.normalize(encoder(images), dim=1).numpy()
probe = LogisticRegression(max_iter=300).fit(feats[:1200], labels[:1200])
print("linear probe", probe.score(feats[1200:], labels[1200:]))
