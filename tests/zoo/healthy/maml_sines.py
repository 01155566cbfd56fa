import os
import torch
from torch.nn.functional import mse_loss, relu

torch.manual_seed(int(os.environ.get("SEED", 0)))
sizes = [(40, 1), (40,), (40, 40), (40,), (1, 40), (1,)]
theta = [torch.empty(s) for s in sizes]
for p in theta:
    if p.dim() == 2:
        torch.nn.init.kaiming_normal_(p)
    else:
        p.zero_()
theta = [p.requires_grad_() for p in theta]


def net(p, x):
    h = relu(x / 3 @ p[0].T + p[1])
    h = relu(h @ p[2].T + p[3])
    return 0.3 * (h @ p[4].T) + p[5]


opt = torch.optim.Adam(theta, lr=1e-2)


def task():
    a, ph = torch.rand(1) * 4.9 + 0.1, torch.rand(1) * torch.pi

    def s(n):
        x = torch.rand(n, 1) * 10 - 5
        return x, a * torch.sin(x + ph)

    return s


for it in range(500):
    total = 0
    for _ in range(8):
        s = task()
        xs, ys = s(10)
        xq, yq = s(10)
        g = torch.autograd.grad(mse_loss(net(theta, xs), ys), theta, create_graph=True)
        fast = [p - 0.01 * q for p, q in zip(theta, g)]
        total = total + mse_loss(net(fast, xq), yq) / 8
    opt.zero_grad()
    total.backward()
    opt.step()
    if it % 60 == 59:
        print(it, total.item())
