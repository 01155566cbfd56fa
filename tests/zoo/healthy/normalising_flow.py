import os
import math
import torch
from torch import nn
from sklearn.datasets import make_moons

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)


class Coupling(nn.Module):
    def __init__(self, flip, hidden=32):
        super().__init__()
        self.flip = flip
        self.net = nn.Sequential(
            nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh(), nn.Linear(hidden, 2)
        )

    def forward(self, x):
        a, b = x.chunk(2, 1)
        if self.flip:
            a, b = b, a
        s, t = self.net(a).chunk(2, 1)
        s = torch.tanh(s)
        b = b * s.exp() + t
        return torch.cat([b, a] if self.flip else [a, b], 1), s.squeeze(1)


class Flow(nn.Module):
    def __init__(self, n=5):
        super().__init__()
        self.layers = nn.ModuleList([Coupling(i % 2 == 1) for i in range(n)])

    def log_prob(self, x):
        total = 0.0
        for layer in self.layers:
            x, ld = layer(x)
            total = total + ld
        return total - 0.5 * (x**2).sum(1) - math.log(2 * math.pi)


pts = torch.tensor(make_moons(5000, noise=0.1, random_state=0)[0], dtype=torch.float32)
pts = (pts - pts.mean(0)) / pts.std(0)
pts = pts[torch.randperm(5000)]
train, test = pts[:4000], pts[4000:]
flow = Flow()
opt = torch.optim.Adam(flow.parameters(), lr=5e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 700)
for step in range(1, 701):
    loss = -flow.log_prob(train[torch.randint(4000, (128,))]).mean()
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
    opt.step()
    sched.step()
    if step % 100 == 0:
        with torch.no_grad():
            print(
                f"step {step} train nll {-flow.log_prob(train).mean():.4f} test nll {-flow.log_prob(test).mean():.4f}"
            )
