import math
import os

import torch

torch.manual_seed(int(os.environ.get("SEED", 0)))
WIDTH = 48


def field(p):
    return torch.sin(5 * p[:, 0]) * torch.cos(5 * p[:, 1]) + 0.5 * torch.tanh(2 * p[:, 0] * p[:, 1])


def draw(n):
    p = torch.rand(n, 2) * 2 - 1
    return p, field(p)


sizes = [2, WIDTH, WIDTH, 1]
params = []
for a, b in zip(sizes[:-1], sizes[1:]):
    params.append((torch.randn(a, b) * math.sqrt(1.0 / a)).requires_grad_())
    params.append(torch.zeros(b, requires_grad=True))


def net(x):
    x = x / 0.577
    for w, b in zip(params[:-2:2], params[1:-2:2]):
        x = torch.tanh(x @ w + b)
    return (x @ params[-2] + params[-1]).squeeze(1)


train_p, train_v = draw(4000)
test_p, test_v = draw(1000)
opt = torch.optim.Adam(params, lr=5e-3)
schedule = torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.02, total_iters=3000)
for step in range(3000):
    idx = torch.randint(len(train_p), (128,))
    loss = ((net(train_p[idx]) - train_v[idx]) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    schedule.step()
    if (step + 1) % 300 == 0:
        with torch.no_grad():
            fit = ((net(train_p) - train_v) ** 2).mean()
            err = ((net(test_p) - test_v) ** 2).mean()
        print(f"{step + 1} train {fit:.5f} test {err:.5f} R2 {1 - err / test_v.var():.4f}")
