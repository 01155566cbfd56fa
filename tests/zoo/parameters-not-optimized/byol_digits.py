import os, copy
import torch, torch.nn as nn, torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

torch.manual_seed(int(os.environ.get("SEED", 0)))
d = load_digits()
x = torch.tensor(d.images / 16, dtype=torch.float32)[:, None]
y = d.target


def aug(b):
    dx, dy = torch.randint(-1, 2, (2,)).tolist()
    return torch.roll(b, (dx, dy), (2, 3)) * (0.8 + 0.4 * torch.rand(len(b), 1, 1, 1)) + 0.1 * torch.randn_like(b)


enc = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1),
    nn.BatchNorm2d(32),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(512, 64),
)
proj = lambda: nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 32))
online = nn.Sequential(enc, proj())
target = copy.deepcopy(online)
for p in target.parameters():
    p.requires_grad = False
pred = nn.Sequential(nn.Linear(32, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 32))
opt = torch.optim.Adam([*online.parameters(), *pred.parameters()], 1e-3)
for ep in range(12):
    tot = 0
    for i in torch.randperm(1500).split(100):
        a, b = aug(x[i]), aug(x[i])
        pa, pb = F.normalize(pred(online(a)), dim=1), F.normalize(pred(online(b)), dim=1)
        with torch.no_grad():
            ta, tb = F.normalize(target(a), dim=1), F.normalize(target(b), dim=1)
        loss = 4 - 2 * (pa * tb).sum(1).mean() - 2 * (pb * ta).sum(1).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            for p, q in zip(target.parameters(), online.parameters()):
                p.mul_(0.97).add_(q, alpha=0.03)
        tot += loss.item()
    print(ep, tot / 15)
enc.eval()
with torch.no_grad():
    f = enc(x).numpy()
print("probe", LogisticRegression(max_iter=2000).fit(f[:1500], y[:1500]).score(f[1500:], y[1500:]))
