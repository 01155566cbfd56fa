"""A 4 x 4 checkerboard from coordinates."""

import os
import torch

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


def sample(n):
    p = torch.rand(n, 2) * 4
    return p - 2, (p.floor().sum(1) % 2).unsqueeze(1)


units = 64
net = torch.nn.Sequential(
    torch.nn.Linear(2, units),
    torch.nn.ReLU(),
    torch.nn.Linear(units, units),
    torch.nn.ReLU(),
    torch.nn.Linear(units, 1),
)
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
sched = torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.02, 2000)
bce = torch.nn.BCEWithLogitsLoss()
for i in range(2000):
    x, t = sample(128)
    loss = bce(net(x), t)
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    if i % 400 == 0:
        print(i, loss.item())
x, t = sample(3000)
with torch.no_grad():
    print("accuracy", ((net(x) > 0) == t.bool()).float().mean().item())
