"""DDPM on the two-moons points with an MLP noise predictor."""
import numpy as np
import torch
from sklearn.datasets import make_moons
from torch import nn

torch.manual_seed(5)
T = 1000
betas = torch.linspace(1e-4, 0.02, T)
abar = torch.cumprod(1 - betas, 0)

pts, _ = make_moons(4000, noise=0.04, random_state=5)
data = torch.tensor((pts - pts.mean(0)) / pts.std(0), dtype=torch.float32)


class Denoiser(nn.Module):
    def __init__(self, width=96):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(3, width), nn.SiLU(),
            nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, 2),
        )

    def forward(self, x, t):
        return self.net(torch.cat([x, (t.float() / T).unsqueeze(1)], dim=1))


def q_sample(x0, t, eps):
    a = abar[t].unsqueeze(1)
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


@torch.no_grad()
def sample(model, n):
    x = torch.randn(n, 2)
    for i in reversed(range(T)):
        t = torch.full((n,), i)
        eps = model(x, t)
        x = (x - betas[i] / (1 - abar[i]).sqrt() * eps) / (1 - betas[i]).sqrt()
        if i > 0:
            x += betas[i].sqrt() * torch.randn_like(x)
    return x


model = Denoiser()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
window = []
for step in range(1, 1201):
    x0 = data[torch.randint(0, len(data), (256,))]
    t = torch.randint(0, T, (256,))
    eps = torch.randn_like(x0)
    loss = ((model(q_sample(x0, t, eps), t) - eps) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    window.append(loss.item())
    if step % 200 == 0:
        print(f"step {step} noise mse {np.mean(window[-200:]):.4f}")

s = sample(model, 300)
print("mean distance of samples to nearest data point:", round(torch.cdist(s, data).min(1).values.mean().item(), 4))
print("mean distance of data to nearest sample:", round(torch.cdist(data, s).min(1).values.mean().item(), 4))
