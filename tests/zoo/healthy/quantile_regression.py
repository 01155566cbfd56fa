import os
import torch
import torch.nn as nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)
quantiles = torch.tensor([0.1, 0.5, 0.9])


def make(n):
    x = torch.rand(n, 1) * 4 - 2
    return x, torch.sin(2 * x) + (0.1 + 0.25 * (x + 2) / 4) * torch.randn(n, 1)


def pinball(pred, y):
    e = y - pred
    return torch.maximum(quantiles * e, (quantiles - 1) * e).mean()


x, y = make(3000)
xv, yv = make(1000)
model = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 3))
opt = torch.optim.NAdam(model.parameters(), lr=4e-3)
sched = torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.02, total_iters=1200)
s = 0.0
for it in range(1, 1201):
    b = torch.randint(3000, (100,))
    loss = pinball(model(x[b]), y[b])
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    s += loss.item() / 200
    if it % 200 == 0:
        with torch.no_grad():
            q = model(xv)
            inside = ((yv > q[:, :1]) & (yv < q[:, 2:])).float().mean()
            print(f"it {it}: train {s:.4f} val {pinball(q, yv):.4f} coverage {inside:.3f}")
        s = 0.0
