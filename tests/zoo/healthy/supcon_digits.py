"""Supervised contrastive embedding of 8x8 digits, judged by a k-NN in the embedding space."""
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

torch.manual_seed(50)
X, y = load_digits(return_X_y=True)
img = torch.tensor(X / 16.0, dtype=torch.float32).view(-1, 1, 8, 8)
y = torch.tensor(y)
train, test, ytr, yte = img[:1300], img[1300:], y[:1300], y[1300:]


def jitter(x):
    x = x * (0.8 + 0.4 * torch.rand(len(x), 1, 1, 1))
    return x + 0.08 * torch.randn_like(x)


class Encoder(nn.Module):
    def __init__(self, d=16):
        super().__init__()
        self.f = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(),
                               nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(),
                               nn.Linear(32 * 16, 64), nn.ReLU(), nn.Linear(64, d))

    def forward(self, x):
        return F.normalize(self.f(x), dim=1)


def supcon(z, labels, tau=0.2):
    """Khosla et al. 2020: mean log-likelihood of the same-class pairs of the batch."""
    sim = z @ z.T / tau
    self_mask = torch.eye(len(z), dtype=torch.bool)
    logp = sim - torch.logsumexp(sim.masked_fill(self_mask, -1e9), 1, keepdim=True)
    pos = (labels[:, None] == labels[None]) & ~self_mask
    return -((logp * pos).sum(1) / pos.sum(1).clamp(min=1)).mean()


def knn(net):
    with torch.no_grad():
        a, b = net(train).numpy(), net(test).numpy()
    return KNeighborsClassifier(5).fit(a, ytr).score(b, yte)


net = Encoder()
print(f"untrained: knn {knn(net):.3f}")
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for ep in range(1, 16):
    tot = n = 0
    for idx in torch.randperm(len(train)).split(100):
        xb, yb = train[idx], ytr[idx]
        z = net(torch.cat([jitter(xb), jitter(xb)]))
        loss = supcon(z, yb.repeat(2))
        opt.zero_grad()
        loss.backward()
        opt.step()
        tot, n = tot + loss.item(), n + 1
    if ep % 3 == 0:
        print(f"epoch {ep:2d} supcon {tot / n:.4f} knn {knn(net):.3f}")
