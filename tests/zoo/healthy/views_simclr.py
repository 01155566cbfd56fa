"""SimCLR of digits: two noisy, shifted views, normalised embeddings, temperature 0.2, judged by neighbours."""
import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
bunch = load_digits()
X, Y = torch.tensor(bunch.images, dtype=torch.float32)[:, None] / 16, torch.tensor(bunch.target)
train, test = slice(0, 1400), slice(1400, None)


def view(x):
    x = torch.roll(x, shifts=(int(torch.randint(-1, 2, ())), int(torch.randint(-1, 2, ()))), dims=(2, 3))
    return x * (0.6 + 0.8 * torch.rand(len(x), 1, 1, 1)) + 0.15 * torch.randn_like(x)


encoder = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 64), nn.ReLU())
projector = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32))
opt = torch.optim.Adam([*encoder.parameters(), *projector.parameters()], lr=2e-3)


def nt_xent(a, b, temperature=0.2):
    z = F.normalize(torch.cat([a, b]), dim=1)
    similar = z @ z.T / temperature
    n = len(a)
    similar = similar.masked_fill(torch.eye(2 * n, dtype=torch.bool), float("-inf"))
    partner = torch.cat([torch.arange(n, 2 * n), torch.arange(n)])
    return F.cross_entropy(similar, partner)


for epoch in range(12):
    for rows in torch.randperm(1400).split(128):
        x = X[train][rows]
        loss = nt_xent(projector(encoder(view(x))), projector(encoder(view(x))))
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 3 == 2:
        print(f"epoch {epoch + 1} loss {loss.item():.4f}")
with torch.no_grad():
    bank, asked = F.normalize(encoder(X[train]), dim=1), F.normalize(encoder(X[test]), dim=1)
    near = (asked @ bank.T).topk(5).indices
    guess = Y[train][near].mode(1).values
print(f"knn {(guess == Y[test]).float().mean().item():.4f}")
