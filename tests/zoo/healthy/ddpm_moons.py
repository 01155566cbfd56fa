import os, copy, math
import torch
from torch import nn
from sklearn.datasets import make_moons

torch.manual_seed(int(os.environ.get("SEED", 0)))
x0 = torch.tensor(make_moons(4000, noise=0.05, random_state=0)[0], dtype=torch.float32)
x0 = (x0 - x0.mean(0)) / x0.std(0)
T = 100
beta = torch.linspace(1e-4, 0.1, T)
abar = torch.cumprod(1 - beta, 0)


class Eps(nn.Module):
    def __init__(self):
        super().__init__()
        self.time = nn.Embedding(T, 32)
        self.net = nn.Sequential(nn.Linear(2 + 32, 128), nn.SiLU(), nn.Linear(128, 128), nn.SiLU(), nn.Linear(128, 2))

    def forward(self, x, t):
        return self.net(torch.cat([x, self.time(t)], 1))


model = Eps()
ema = copy.deepcopy(model).requires_grad_(False)
opt = torch.optim.AdamW(model.parameters(), lr=1e-3)
warm = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: min(1, (s + 1) / 100))
for step in range(2000):
    x = x0[torch.randint(len(x0), (256,))]
    t = torch.randint(T, (256,))
    n = torch.randn_like(x)
    xt = abar[t, None].sqrt() * x + (1 - abar[t, None]).sqrt() * n
    loss = (model(xt, t) - n).pow(2).mean()
    opt.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()
    warm.step()
    with torch.no_grad():
        for a, b in zip(ema.parameters(), model.parameters()):
            a.lerp_(b, 0.01)
    if step % 400 == 399:
        print(step, loss.item())
