"""Digits under float16 autocast with a gradient scaler."""
import os

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
d = load_digits()
X = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 16
y = torch.tensor(d.target)
order = torch.randperm(len(X))
X, y = X[order], y[order]
net = nn.Sequential(
    nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 32, 3), nn.ReLU(), nn.Flatten(), nn.Linear(512, 64), nn.ReLU(),
    nn.Linear(64, 10),
)
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16)
for epoch in range(5):
    net.train()
    total = 0.0
    for idx in torch.randperm(1400).split(50):
        opt.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.float16):
            logits = net(X[idx])
            loss = nn.functional.cross_entropy(logits.float(), y[idx])
        scaler.scale(loss).backward()
        scaler.step(opt)
        scaler.update()
        total += loss.item()
    net.eval()
    with torch.no_grad():
        acc = (net(X[1400:]).argmax(1) == y[1400:]).float().mean().item()
    print(f"epoch {epoch + 1} loss {total / 28:.4f} accuracy {acc:.3f} scale {scaler.get_scale():g}")
