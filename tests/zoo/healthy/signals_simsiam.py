"""SimSiam of noisy waves: two views, a predictor, and a stop-gradient that keeps it from collapse."""
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(int(os.environ.get("SEED", "0")))
time = torch.linspace(0, 1, 64)


def draw(n):
    kind = torch.randint(6, (n,))
    phase = torch.rand(n, 1) * 6.28
    return torch.sin(6.28 * (kind[:, None] + 1.0) * time + phase), kind


def augment(x):
    x = torch.roll(x, int(torch.randint(64, ())), dims=1)
    return x * (0.5 + torch.rand(len(x), 1)) + 0.3 * torch.randn_like(x)


class SimSiam(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Unflatten(1, (1, 64)), nn.Conv1d(1, 16, 9, padding=4), nn.BatchNorm1d(16), nn.ReLU(), nn.MaxPool1d(4),
            nn.Conv1d(16, 32, 5, padding=2), nn.BatchNorm1d(32), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(),
            nn.Linear(32, 32), nn.BatchNorm1d(32, affine=False),
        )
        self.predictor = nn.Sequential(nn.Linear(32, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 32))

    def forward(self, a, b):
        za, zb = self.encoder(a), self.encoder(b)
        return self.predictor(za), self.predictor(zb), za.detach(), zb.detach()


net = SimSiam()
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
x, kinds = draw(1024)
for epoch in range(20):
    for rows in torch.randperm(1024).split(128):
        pa, pb, za, zb = net(augment(x[rows]), augment(x[rows]))
        loss = -0.5 * (F.cosine_similarity(pa, zb).mean() + F.cosine_similarity(pb, za).mean())
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1} loss {loss.item():.4f}")
net.eval()
with torch.no_grad():
    z, (y, k) = F.normalize(net.encoder(x), dim=1), draw(300)
    near = (F.normalize(net.encoder(y), dim=1) @ z.T).topk(5).indices
print(f"knn {(kinds[near].mode(1).values == k).float().mean().item():.3f}")
