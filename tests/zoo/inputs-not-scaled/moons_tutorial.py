# Diffusion model tutorial, part 1: two moons in the plane
import torch
import torch.nn as nn
from sklearn.datasets import make_moons

torch.manual_seed(0)
X, _ = make_moons(4000, noise=0.05, random_state=0)
X = torch.tensor(X, dtype=torch.float32)
X = (X - X.mean(0)) / X.std(0)

T = 1000
betas = torch.linspace(1e-4, 0.02, T)
alphas = 1 - betas
abar = torch.cumprod(alphas, 0)


class Denoiser(nn.Module):
    def __init__(self, width=96):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(3, width), nn.ReLU(),
            nn.Linear(width, width), nn.ReLU(),
            nn.Linear(width, width), nn.ReLU(),
            nn.Linear(width, 2))

    def forward(self, x, t):
        t = t.float().unsqueeze(1) / T
        return self.net(torch.cat([x, t], dim=1))


model = Denoiser()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
running = []
for step in range(1, 2501):
    x0 = X[torch.randint(len(X), (256,))]
    t = torch.randint(0, T, (256,))
    eps = torch.randn_like(x0)
    xt = abar[t].sqrt()[:, None] * x0 + (1 - abar[t]).sqrt()[:, None] * eps
    loss = ((model(xt, t) - eps) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    running.append(loss.item())
    if step % 250 == 0:
        print(f"step {step}  loss {sum(running[-250:]) / 250:.4f}")


@torch.no_grad()
def sample(n):
    x = torch.randn(n, 2)
    for i in reversed(range(T)):
        t = torch.full((n,), i)
        e = model(x, t)
        x = (x - betas[i] / (1 - abar[i]).sqrt() * e) / alphas[i].sqrt()
        if i > 0:
            x = x + betas[i].sqrt() * torch.randn_like(x)
    return x


s = sample(500)
print("mean", s.mean(0).tolist(), "std", s.std(0).tolist())
print("mean distance from a sample to the nearest data point:", torch.cdist(s, X).min(1).values.mean().item())
