"""The adding problem (length 20) with a GRU and gradient accumulation."""
import torch
from torch import nn

torch.manual_seed(3)
T, ACCUM, MICRO = 20, 2, 48


def adding(n):
    vals = torch.rand(n, T)
    mark = torch.zeros(n, T)
    i = torch.randint(0, T // 2, (n, 1))
    j = torch.randint(T // 2, T, (n, 1))
    mark.scatter_(1, i, 1.0).scatter_(1, j, 1.0)
    return torch.stack([vals, mark], -1), (vals * mark).sum(1)


class Adder(nn.Module):
    def __init__(self, h=32):
        super().__init__()
        self.gru = nn.GRU(2, h, batch_first=True)
        self.read = nn.Linear(h, 1)
        nn.init.orthogonal_(self.gru.weight_hh_l0)

    def forward(self, x):
        _, h = self.gru(x)
        return self.read(h[-1]).flatten()


model = Adder()
optim = torch.optim.Adam(model.parameters(), lr=6e-3)
xv, yv = adding(1000)
print(f"predicting the mean gives mse {yv.var().item():.4f}")
log = 0.0
for step in range(1, 451):
    optim.zero_grad()
    for _ in range(ACCUM):
        x, y = adding(MICRO)
        loss = nn.functional.mse_loss(model(x), y) / ACCUM
        loss.backward()
        log += loss.item()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optim.step()
    if step % 75 == 0:
        with torch.no_grad():
            v = nn.functional.mse_loss(model(xv), yv).item()
        print(f"step {step} train mse {log / 75:.5f} val mse {v:.5f}")
        log = 0.0
