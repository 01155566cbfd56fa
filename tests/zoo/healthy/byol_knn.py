"""BYOL on digits without labels: online/target networks, predictor, stop-gradient; kNN on the representation."""
import copy
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

torch.manual_seed(3)
d = load_digits()
img = torch.tensor(d.images).float().unsqueeze(1) / 16
lab = d.target
tr, te = torch.arange(1400), torch.arange(1400, len(img))


def view(x):
    n = len(x)
    ang = (torch.rand(n) - 0.5) * 0.5
    sc = 0.9 + 0.25 * torch.rand(n)
    th = torch.zeros(n, 2, 3)
    th[:, 0, 0], th[:, 0, 1] = ang.cos() * sc, -ang.sin() * sc
    th[:, 1, 0], th[:, 1, 1] = ang.sin() * sc, ang.cos() * sc
    th[:, :, 2] = (torch.rand(n, 2) - 0.5) * 0.3
    x = F.grid_sample(x, F.affine_grid(th, x.shape, align_corners=False), align_corners=False)
    return x * (0.7 + 0.6 * torch.rand(n, 1, 1, 1)) + 0.05 * torch.randn_like(x)


def head(i, h, o):
    return nn.Sequential(nn.Linear(i, h), nn.BatchNorm1d(h), nn.ReLU(), nn.Linear(h, o))


class Enc(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
                               nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.Flatten())
        self.g = head(512, 128, 32)

    def forward(self, x):
        return self.g(self.f(x))


online, pred = Enc(), head(32, 64, 32)
target = copy.deepcopy(online).requires_grad_(False)
opt = torch.optim.Adam([*online.parameters(), *pred.parameters()], lr=2e-3)


def knn():
    online.eval()
    with torch.no_grad():
        z = F.normalize(online.f(img), dim=1).numpy()
    online.train()
    return KNeighborsClassifier(10).fit(z[tr], lab[tr]).score(z[te], lab[te])


EPOCHS, step, total = 12, 0, 12 * 14
for ep in range(1, EPOCHS + 1):
    tot = 0.0
    for ix in tr[torch.randperm(len(tr))].split(100):
        a, b = view(img[ix]), view(img[ix])
        pa, pb = pred(online(a)), pred(online(b))
        with torch.no_grad():
            ta, tb = target(a), target(b)
        loss = 2 - F.cosine_similarity(pa, tb).mean() - F.cosine_similarity(pb, ta).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        step += 1
        m = 1 - 0.05 * (1 - step / total)
        with torch.no_grad():
            for q, p in zip(target.parameters(), online.parameters()):
                q.lerp_(p, 1 - m)
        tot += loss.item()
    if ep % 3 == 0:
        z = F.normalize(ta, dim=1)
        print(f"epoch {ep:2d}  byol {tot / 14:.4f}  feature std {z.std(0).mean():.3f}  kNN {knn():.3f}")
