"""Transfer: rotation-prediction pre-training, then a linear classifier on the frozen features."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(19)
d = load_digits()
img = torch.tensor(d.images, dtype=torch.float32) / 8 - 1
y = torch.tensor(d.target)
o = torch.randperm(len(img))
img, y = img[o], y[o]
NTR = 1300


class Net(nn.Module):
    def __init__(self, n_out):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(), nn.Conv2d(24, 32, 3, padding=1), nn.ReLU(),
                                  nn.MaxPool2d(2), nn.Flatten(), nn.Linear(512, 128), nn.ReLU())
        self.head = nn.Linear(128, n_out)

    def forward(self, x):
        return self.head(self.body(x.unsqueeze(1)))


def rotate(x):
    k = torch.randint(0, 4, (len(x),))
    return torch.stack([torch.rot90(a, int(i)) for a, i in zip(x, k)]), k


def epoch(net, opt, x, t=None):
    tot = 0.0
    for idx in torch.randperm(len(x)).split(64):
        xb, tb = rotate(x[idx]) if t is None else (x[idx], t[idx])
        loss = F.cross_entropy(net(xb), tb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        tot += loss.item() * len(idx)
    return tot / len(x)


net = Net(4)
opt = torch.optim.AdamW(net.parameters(), lr=2e-3)
for e in range(6):
    print(f"pretext epoch {e + 1}: {epoch(net, opt, img[:NTR]):.4f}")

for p in net.body.parameters():
    p.requires_grad = False
net.head = nn.Linear(128, 10)
opt = torch.optim.AdamW(net.parameters(), lr=5e-3)

for e in range(12):
    l = epoch(net, opt, img[:NTR], y[:NTR])
    if e % 3 == 2:
        with torch.no_grad():
            acc = (net(img[NTR:]).argmax(1) == y[NTR:]).float().mean().item()
        print(f"probe epoch {e + 1}: loss {l:.4f} test acc {acc:.3f}")
