import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))


def patients(n):
    x = torch.randn(n, 6)
    risk = 1.2 * x[:, 0] - x[:, 1] + 0.8 * x[:, 2] * x[:, 3]
    time = torch.empty(n).exponential_() * torch.exp(-risk)
    censor = torch.empty(n).exponential_() * 3.0
    return x, torch.minimum(time, censor), (time <= censor).float()


def partial_likelihood(score, time, event):
    order = time.argsort(descending=True)
    s = score[order]
    return -((s - s.logcumsumexp(0)) * event[order]).sum() / event.sum()


def concordance(score, time, event):
    earlier = (time[:, None] < time[None]) & (event[:, None] == 1)
    return (score[:, None] > score[None])[earlier].float().mean().item()


x, t, e = patients(2000)
xv, tv, ev = patients(600)
net = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 1, bias=False), nn.Flatten(0))
opt = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.02)
for epoch in range(25):
    for idx in torch.randperm(2000).split(200):
        loss = partial_likelihood(net(x[idx]), t[idx], e[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        tr = partial_likelihood(net(x), t, e).item()
        va = partial_likelihood(net(xv), tv, ev).item()
        c = concordance(net(xv), tv, ev)
    if epoch % 3 == 0:
        print(f"epoch {epoch + 1} train {tr:.4f} val {va:.4f} concordance {c:.4f}")
