import os
import torch, torch.nn as nn, torch.nn.functional as F

torch.manual_seed(int(os.environ.get("SEED", 0)))


class Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, lam):
        ctx.lam = lam
        return x.view_as(x)

    @staticmethod
    def backward(ctx, g):
        return -ctx.lam * g, None


def sample(n, shift):
    y = torch.randint(2, (n,))
    a = torch.rand(n) * 3.14
    x = torch.stack([torch.cos(a) + y, torch.sin(a) * (1 - 2 * y.float()) + 0.3 * y], 1) + 0.1 * torch.randn(n, 2)
    r = torch.tensor([[0.94, -0.34], [0.34, 0.94]])
    return (x @ r if shift else x), y


xs, ys = sample(2000, False)
xt, yt = sample(2000, True)
feat = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU())
label, domain = nn.Linear(32, 2), nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))
opt = torch.optim.Adam([*feat.parameters(), *label.parameters(), *domain.parameters()], 1e-3)
steps = 1500
for step in range(steps):
    i, j = torch.randint(2000, (64,)), torch.randint(2000, (64,))
    f, g = feat(xs[i]), feat(xt[j])
    lam = 0.3 * (2 / (1 + torch.exp(torch.tensor(-10 * step / steps))) - 1)
    d = domain(Reverse.apply(torch.cat([f, g]), lam))
    dl = torch.cat([torch.zeros(64), torch.ones(64)]).long()
    loss = F.cross_entropy(label(f), ys[i]) + F.cross_entropy(d, dl)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 250 == 249:
        with torch.no_grad():
            print(step, loss.item(), (label(feat(xt)).argmax(1) == yt).float().mean().item())
