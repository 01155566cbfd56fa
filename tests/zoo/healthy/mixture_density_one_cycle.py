import math
import os

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

# inverse sinusoid: several y for one x
y = torch.rand(4000, 1) * 20 - 10
x = torch.sin(0.75 * y) * 7 + y * 0.5 + torch.randn(4000, 1) * 0.5
x, y = x / 7, y / 10
x_train, y_train, x_test, y_test = x[:3200], y[:3200], x[3200:], y[3200:]


class MDN(nn.Module):
    def __init__(self, n_hidden=32, n_gaussians=5):
        super().__init__()
        self.z_h = nn.Sequential(nn.Linear(1, n_hidden), nn.Tanh(), nn.Linear(n_hidden, n_hidden), nn.Tanh())
        self.z_pi = nn.Linear(n_hidden, n_gaussians)
        self.z_mu = nn.Linear(n_hidden, n_gaussians)
        self.z_sigma = nn.Linear(n_hidden, n_gaussians)

    def forward(self, x):
        z = self.z_h(x)
        return self.z_pi(z).log_softmax(-1), self.z_mu(z), self.z_sigma(z).clamp(-4, 3)


def nll(log_pi, mu, log_sigma, y):
    comp = -0.5 * ((y - mu) / log_sigma.exp()) ** 2 - log_sigma - 0.5 * math.log(2 * math.pi)
    return -torch.logsumexp(log_pi + comp, dim=-1).mean()


net = MDN()
opt = torch.optim.Adam(net.parameters(), lr=4e-3)
sch = torch.optim.lr_scheduler.OneCycleLR(opt, 5e-3, total_steps=1100)
for it in range(1100):
    b = torch.randint(3200, (128,))
    loss = nll(*net(x_train[b]), y_train[b])
    opt.zero_grad()
    loss.backward()
    opt.step()
    sch.step()
    if it % 220 == 0:
        print(it, f"{loss.item():.3f}")
with torch.no_grad():
    print("train nll", round(nll(*net(x_train), y_train).item(), 4))
    print("test nll", round(nll(*net(x_test), y_test).item(), 4))
