import math
import os

import torch
from sklearn.datasets import make_moons
from torch import nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
STEPS = 50
betas = torch.linspace(1e-3, 0.15, STEPS)
alphas = torch.cumprod(1 - betas, 0)


class Denoiser(nn.Module):
    def __init__(self, width=96):
        super().__init__()
        self.freq = torch.arange(1, 5) * math.pi / STEPS
        self.net = nn.Sequential(
            nn.Linear(2 + 8, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 2)
        )

    def forward(self, x, t):
        angle = t[:, None] * self.freq
        return self.net(torch.cat([x, angle.sin(), angle.cos()], 1))


def noise_loss(model, x0):
    t = torch.randint(0, STEPS, (len(x0),))
    eps = torch.randn_like(x0)
    a = alphas[t][:, None]
    xt = a.sqrt() * x0 + (1 - a).sqrt() * eps
    return (model(xt, t.float()) - eps).square().mean()


points, _ = make_moons(4000, noise=0.05, random_state=SEED)
points = torch.tensor((points - points.mean(0)) / points.std(0), dtype=torch.float32)
train, val = points[:3200], points[3200:]
denoiser = Denoiser()
opt = torch.optim.AdamW(denoiser.parameters(), lr=1e-3)
average = []
for it in range(1, 3001):
    batch = train[torch.randint(0, len(train), (128,))]
    loss = noise_loss(denoiser, batch)
    opt.zero_grad()
    loss.backward()
    opt.step()
    average.append(loss.item())
    if it % 300 == 0:
        with torch.no_grad():
            v = sum(noise_loss(denoiser, val).item() for _ in range(10)) / 10
        print(f"it {it} noise loss {sum(average[-300:]) / 300:.4f} val {v:.4f}")
