import os
import math
import torch

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
dtype = torch.float64

# log marginal likelihood of a Gaussian process, maximised over length scale, amplitude and noise
x = torch.rand(60, dtype=dtype).sort().values * 10
y = torch.sin(x) + 0.3 * torch.cos(3 * x) + 0.15 * torch.randn(60, dtype=dtype)
xs = torch.linspace(0.5, 9.5, 100, dtype=dtype)
ys = torch.sin(xs) + 0.3 * torch.cos(3 * xs)

log_len = torch.tensor(1.0, dtype=dtype, requires_grad=True)
log_amp = torch.tensor(0.0, dtype=dtype, requires_grad=True)
log_noise = torch.tensor(-1.0, dtype=dtype, requires_grad=True)
opt = torch.optim.Adam([log_len, log_amp, log_noise], lr=0.03)


def kernel(a, b):
    return torch.exp(2 * log_amp) * torch.exp(-0.5 * ((a[:, None] - b[None]) / torch.exp(log_len)) ** 2)


def factor():
    K = kernel(x, x) + (torch.exp(2 * log_noise) + 1e-6) * torch.eye(60, dtype=dtype)
    return torch.linalg.cholesky(K)


for i in range(300):
    opt.zero_grad()
    L = factor()
    alpha = torch.cholesky_solve(y[:, None], L)
    nll = 0.5 * (y[:, None] * alpha).sum() + L.diagonal().log().sum() + 30 * math.log(2 * math.pi)
    nll.backward()
    opt.step()
    if i % 60 == 0 or i == 299:
        print(f"{i:3d} nll {nll.item():8.3f} length {log_len.exp().item():.3f} noise {log_noise.exp().item():.3f}")
with torch.no_grad():
    mean = kernel(xs, x) @ torch.cholesky_solve(y[:, None], factor())
    print("rmse to the true curve", (mean[:, 0] - ys).square().mean().sqrt().item())
