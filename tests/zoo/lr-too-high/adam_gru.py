"""Classify short melodies (rising, falling, alternating) with a GRU."""

import os
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


def melodies(n, T=16):
    kind = torch.randint(0, 3, (n,))
    t = torch.arange(T).float()
    slope = torch.tensor([1.0, -1.0, 0.0])[kind][:, None] * t / T
    zigzag = (kind == 2)[:, None] * torch.sin(t * 1.5 + torch.rand(n, 1) * 6)
    return (slope + 0.7 * zigzag + 0.3 * torch.randn(n, T) + torch.randn(n, 1) * 0.5).unsqueeze(-1), kind


class Tune(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(1, 32, batch_first=True)
        self.fc = nn.Linear(32, 3)

    def forward(self, x):
        return self.fc(self.gru(x)[0][:, -1])


X, y = melodies(1500)
Xv, yv = melodies(500)
net = Tune()
optimizer = torch.optim.Adam(net.parameters(), lr=0.005)
for epoch in range(12):
    s = 0.0
    for b in torch.randperm(1500).split(50):
        loss = nn.functional.cross_entropy(net(X[b]), y[b])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        s += loss.item() / 30
    if epoch % 3 == 2:
        with torch.no_grad():
            print(f"epoch {epoch + 1}: loss {s:.4f}, val accuracy {(net(Xv).argmax(1) == yv).float().mean():.4f}")
