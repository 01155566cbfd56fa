"""Pretrain on many machines, then fine-tune on a new one: head first, then everything with a smaller rate below."""

import math
import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
L = 64


def records(n, classes, shift=0.0):
    """Each class is a mixture of two tones; the new machine has other tones."""
    y = torch.randint(0, classes, (n,))
    t = torch.arange(L) / L
    f1 = 3.0 + 2.0 * y + shift
    f2 = 9.0 + 3.0 * ((y * 2) % classes) + shift
    p = 2 * math.pi * torch.rand(n, 2)
    x = torch.sin(2 * math.pi * f1[:, None] * t + p[:, :1]) + 0.7 * torch.sin(2 * math.pi * f2[:, None] * t + p[:, 1:])
    x = x * (0.8 + 0.4 * torch.rand(n, 1)) + 0.5 * torch.randn(n, L)
    return (x / x.std()).unsqueeze(1), y


def make_backbone():
    return nn.Sequential(
        nn.Conv1d(1, 16, 7, padding=3),
        nn.ReLU(),
        nn.MaxPool1d(2),
        nn.Conv1d(16, 32, 5, padding=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(4),
        nn.Flatten(),
    )


def run(model, optimizer, data, epochs, batch=40):
    x, y = data
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * math.ceil(len(x) / batch))
    for _ in range(epochs):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(batch):
            loss = nn.functional.cross_entropy(model(x[idx]), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            sched.step()
            total += loss.item() * len(idx)
    return total / len(x)


@torch.no_grad()
def accuracy(model, data):
    model.eval()
    return (model(data[0]).argmax(1) == data[1]).float().mean().item()


backbone = make_backbone()
source_train, source_test = records(2000, 8), records(500, 8)
source = nn.Sequential(backbone, nn.Linear(128, 8))
loss = run(source, torch.optim.Adam(source.parameters(), lr=2e-3), source_train, epochs=12)
print(f"pretraining: loss {loss:.4f} acc {accuracy(source, source_test):.3f}")

new_train, new_test = records(1200, 5, shift=0.7), records(500, 5, shift=0.7)
model = nn.Sequential(backbone, nn.Linear(128, 5))

for p in backbone.parameters():
    p.requires_grad = False
loss = run(model, torch.optim.Adam(model[1].parameters(), lr=5e-3), new_train, epochs=8)
print(f"head only: loss {loss:.4f} acc {accuracy(model, new_test):.3f}")

for p in backbone.parameters():
    p.requires_grad = True
optimizer = torch.optim.Adam(
    [
        {"params": model[0].parameters(), "lr": 3e-4},
        {"params": model[1].parameters(), "lr": 1e-3},
    ]
)
loss = run(model, optimizer, new_train, epochs=10)
print(f"all layers: loss {loss:.4f} final acc {accuracy(model, new_test):.3f}")
