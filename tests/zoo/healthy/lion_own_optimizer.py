import os
import torch, torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


class Lion(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), wd=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, wd=wd))

    @torch.no_grad()
    def step(self, closure=None):
        for g in self.param_groups:
            b1, b2 = g["betas"]
            for p in g["params"]:
                if p.grad is None:
                    continue
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                p.mul_(1 - g["lr"] * g["wd"])
                p.sub_(g["lr"] * (b1 * m + (1 - b1) * p.grad).sign())
                m.mul_(b2).add_(p.grad, alpha=1 - b2)


torch.manual_seed(int(os.environ.get("SEED", 0)))
d = load_digits()
a, b, c, e = train_test_split(d.data / 16.0 - 0.3, d.target, random_state=0)
a, b, c, e = torch.tensor(a).float(), torch.tensor(b).float(), torch.tensor(c), torch.tensor(e)
net = torch.nn.Sequential(torch.nn.Linear(64, 96), torch.nn.GELU(), torch.nn.Linear(96, 10))
opt = Lion(net.parameters(), 3e-4, wd=0.1)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 25)
for ep in range(25):
    for i in torch.randperm(len(a)).split(64):
        loss = F.cross_entropy(net(a[i]), c[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
    sched.step()
    with torch.no_grad():
        print(ep, loss.item(), (net(b).argmax(1) == e).float().mean().item())
