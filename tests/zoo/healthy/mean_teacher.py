import copy
import os

import torch
import torch.nn.functional as F
from sklearn.datasets import make_moons
from torch import nn

seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
X, y = make_moons(3000, noise=0.12, random_state=seed)
X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
y = torch.tensor(y)
labelled, unlabelled, test = slice(0, 200), slice(200, 2400), slice(2400, 3000)

student = nn.Sequential(nn.Linear(2, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 2))
teacher = copy.deepcopy(student).requires_grad_(False)
optimizer = torch.optim.Adam(student.parameters(), lr=2e-3)


def jitter(x):
    return x + 0.05 * torch.randn_like(x)


@torch.no_grad()
def follow(rate):
    for slow, fast in zip(teacher.parameters(), student.parameters()):
        slow.lerp_(fast, 1 - rate)


for step in range(1, 1501):
    a = torch.randint(0, 200, (32,))
    b = torch.randint(200, 2400, (96,))
    supervised = F.cross_entropy(student(jitter(X[a])), y[a])
    with torch.no_grad():
        target = teacher(jitter(X[b])).softmax(1)
    consistency = (student(jitter(X[b])).softmax(1) - target).square().mean()
    ramp = min(1.0, step / 500)
    loss = supervised + 3.0 * ramp * consistency
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    follow(min(0.99, 1 - 1 / step))
    if step % 150 == 0:
        with torch.no_grad():
            s, t = student(X[test]), teacher(X[test])
        acc = [(o.argmax(1) == y[test]).float().mean().item() for o in (s, t)]
        print(
            f"step {step} supervised {supervised:.4f} consistency {consistency:.5f} student {acc[0]:.4f} teacher {acc[1]:.4f}"
        )
