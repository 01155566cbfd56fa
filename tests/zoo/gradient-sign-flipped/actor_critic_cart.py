import os, math, random
import torch
from torch import nn
from torch.distributions import Categorical

seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
random.seed(seed)


class Pole:
    def reset(self):
        self.s = [random.uniform(-0.05, 0.05) for _ in range(4)]
        self.t = 0
        return torch.tensor(self.s)

    def step(self, a):
        x, v, th, w = self.s
        f = 10.0 if a else -10.0
        c, s = math.cos(th), math.sin(th)
        tmp = (f + 0.05 * w * w * s) / 1.1
        tha = (9.8 * s - c * tmp) / (0.5 * (4 / 3 - 0.1 * c * c / 1.1))
        xa = tmp - 0.05 * tha * c / 1.1
        self.s = [x + 0.02 * v, v + 0.02 * xa, th + 0.02 * w, w + 0.02 * tha]
        self.t += 1
        done = abs(self.s[0]) > 2.4 or abs(self.s[2]) > 0.21 or self.t >= 200
        return torch.tensor(self.s), 1.0, done


class AC(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 64), nn.Tanh())
        self.pi, self.v = nn.Linear(64, 2), nn.Linear(64, 1)

    def forward(self, s):
        h = self.body(s)
        return self.pi(h), self.v(h).squeeze(-1)


net = AC()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
env = Pole()
lengths = []
for ep in range(150):
    s, done, logps, vals, rs, ents = env.reset(), False, [], [], [], []
    while not done:
        lo, v = net(s)
        d = Categorical(logits=lo)
        a = d.sample()
        s, r, done = env.step(a.item())
        logps.append(d.log_prob(a))
        vals.append(v)
        rs.append(r)
        ents.append(d.entropy())
    R, ret = 0.0, []
    for r in reversed(rs):
        R = r + 0.97 * R
        ret.insert(0, R)
    ret = torch.tensor(ret) / 20
    vals = torch.stack(vals)
    adv = ret - vals.detach()
    loss = -(torch.stack(logps) * adv).mean() + 0.5 * (ret - vals).pow(2).mean() - 0.01 * torch.stack(ents).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    lengths.append(len(rs))
    if ep % 30 == 29:
        print(ep, sum(lengths[-30:]) / 30)
