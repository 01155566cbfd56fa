"""Metric learning with a hand-written supervised contrastive loss; a linear read-out beside it."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(10)
d = load_digits()
img = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 16
y = torch.tensor(d.target)
o = torch.randperm(len(img))
tr, te = o[:1300], o[1300:]


def augment(x):
    gain = 0.8 + 0.4 * torch.rand(len(x), 1, 1, 1)
    return x * gain + 0.05 * torch.randn_like(x)


class Encoder(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.f = nn.Sequential(nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                               nn.Conv2d(24, 32, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(512, dim))

    def forward(self, x):
        return F.normalize(self.f(x), dim=1)


def supcon(z, lab, tau=0.15):
    sim = z @ z.T / tau
    eye = torch.eye(len(z), dtype=torch.bool)
    logp = sim - torch.logsumexp(sim.masked_fill(eye, -1e9), 1, keepdim=True)
    pos = (lab[:, None] == lab[None]) & ~eye
    return -((logp * pos).sum(1) / pos.sum(1).clamp(min=1)).mean()


enc = Encoder()
opt = torch.optim.Adam(enc.parameters(), lr=2e-3)


clf = nn.Linear(32, 10)  # read-out on detached embeddings, trained alongside
opt_c = torch.optim.Adam(clf.parameters(), lr=1e-2)


@torch.no_grad()
def accuracy(idx):
    return (clf(enc(img[idx])).argmax(1) == y[idx]).float().mean().item()


for epoch in range(1, 16):
    tot = torch.zeros(2)
    for idx in tr[torch.randperm(len(tr))].split(100):
        x = torch.cat([augment(img[idx]), augment(img[idx])])
        lab = y[idx].repeat(2)
        z = enc(x)
        loss = supcon(z, lab)
        opt.zero_grad()
        loss.backward()
        opt.step()
        ce = F.cross_entropy(clf(z.detach()), lab)
        opt_c.zero_grad()
        ce.backward()
        opt_c.step()
        tot += torch.tensor([loss.item(), ce.item()])
    if epoch % 3 == 0:
        print(f"epoch {epoch:2d}  supcon {tot[0] / 13:.4f}  read-out {tot[1] / 13:.4f}  test acc {accuracy(te):.3f}")
