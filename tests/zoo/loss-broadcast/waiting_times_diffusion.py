"""One-dimensional diffusion: waiting times of a bimodal process, cosine schedule, DDIM sampling."""
import math
import torch
from torch import nn

torch.manual_seed(14)
T = 64


def data(n):
    pick = torch.rand(n) < 0.35
    return torch.where(pick, -1.4 + 0.15 * torch.randn(n), 0.8 + 0.25 * torch.randn(n))


s = (torch.arange(T + 1) / T + 0.008) / 1.008
abar = (torch.cos(s * math.pi / 2) ** 2)
abar = (abar / abar[0]).clamp(1e-4, 0.9999)[1:]


class Denoiser(nn.Module):
    def __init__(self, h=96):
        super().__init__()
        self.time = nn.Embedding(T, 24)
        self.mlp = nn.Sequential(nn.Linear(25, h), nn.GELU(), nn.Linear(h, h), nn.GELU(), nn.Linear(h, 1))

    def forward(self, x, t):
        return self.mlp(torch.cat([x[:, None], self.time(t)], dim=1))


model = Denoiser()
opt = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-4)
avg = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99))
for it in range(1, 1201):
    x0 = data(256)
    t = torch.randint(0, T, (256,))
    eps = torch.randn(256)
    xt = abar[t].sqrt() * x0 + (1 - abar[t]).sqrt() * eps
    loss = ((model(xt, t).squeeze(-1) - eps) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    avg.update_parameters(model)
    if it % 200 == 0:
        print(f"iteration {it:4d}  loss {loss.item():.4f}")


@torch.no_grad()
def ddim(n):
    x = torch.randn(n)
    for i in reversed(range(T)):
        e = avg(x, torch.full((n,), i)).squeeze(-1)
        x0 = ((x - (1 - abar[i]).sqrt() * e) / abar[i].sqrt()).clamp(-3, 3)
        prev = abar[i - 1] if i else torch.tensor(1.0)
        x = prev.sqrt() * x0 + (1 - prev).sqrt() * e
    return x


a, b = ddim(4000).sort().values, data(4000).sort().values
print(f"left mass {(a < -0.3).float().mean():.3f} (0.35)   Wasserstein-1 to the data {(a - b).abs().mean():.4f}")
