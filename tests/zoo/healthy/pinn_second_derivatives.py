"""Physics-informed network for the damped oscillator u'' + 2 d u' + w^2 u = 0, u(0)=1, u'(0)=0."""

import os
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)) + 11)
d, w0 = 0.5, 4.0


def exact(t):
    w = (w0**2 - d**2) ** 0.5
    return torch.exp(-d * t) * (torch.cos(w * t) + d / w * torch.sin(w * t))


class FCN(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(1, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1)
        )

    def forward(self, t):
        return self.net(2 * t - 1.5)


pinn = FCN()
t_bc = torch.zeros(1, 1, requires_grad=True)
t_ph = torch.linspace(0, 1.5, 40).view(-1, 1).requires_grad_(True)
opt = torch.optim.Adam(pinn.parameters(), lr=1e-2)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 1100, eta_min=1e-4)
D = lambda u, t: torch.autograd.grad(u, t, torch.ones_like(u), create_graph=True)[0]
for i in range(1100):
    opt.zero_grad()
    u = pinn(t_bc)
    loss_bc = (u - 1).pow(2).mean() + 0.1 * D(u, t_bc).pow(2).mean()
    u = pinn(t_ph)
    du = D(u, t_ph)
    d2u = D(du, t_ph)
    loss_ph = ((d2u + 2 * d * du + w0**2 * u) / w0**2).pow(2).mean()
    loss = loss_bc + loss_ph
    loss.backward()
    opt.step()
    sched.step()
    if i % 350 == 0:
        print(i, loss_bc.item(), loss_ph.item())
with torch.no_grad():
    t = torch.linspace(0, 1.5, 200).view(-1, 1)
    print("max error against the exact solution:", (pinn(t) - exact(t)).abs().max().item())
