"""Soft actor-critic keeps a boat on a drifting line: twin critics, squashed Gaussian, a temperature that is learnt."""
import copy
import os

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
N, GAMMA, TAU = 16, 0.95, 0.02


def mlp(i, o):
    return nn.Sequential(nn.Linear(i, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, o))


def step(s, a):
    x = s[:, :1] + 0.4 * a + 0.05 * torch.randn_like(a)
    line = 0.98 * s[:, 1:] + 0.1 * torch.randn_like(a)
    r = -(x - line).abs().squeeze(1)
    lost = (x - line).abs().squeeze(1) > 3
    return torch.cat([x, line], 1), r - 5 * lost, lost.float()


actor, q1, q2 = mlp(2, 2), mlp(3, 1), mlp(3, 1)
t1, t2 = copy.deepcopy(q1), copy.deepcopy(q2)
log_alpha = torch.zeros((), requires_grad=True)
opt_pi = torch.optim.Adam(actor.parameters(), lr=1e-3)
opt_q = torch.optim.Adam([*q1.parameters(), *q2.parameters()], lr=2e-3)
opt_alpha = torch.optim.Adam([log_alpha], lr=3e-3)


def act(s):
    mean, log_std = actor(s).chunk(2, -1)
    std = log_std.clamp(-5, 1).exp()
    u = mean + std * torch.randn_like(std)
    a = torch.tanh(u)
    logp = (-0.5 * ((u - mean) / std) ** 2 - std.log() - 0.919 - torch.log(1 - a**2 + 1e-6)).sum(1)
    return a, logp


@torch.no_grad()
def score():
    s, total = torch.randn(200, 2), 0.0
    for _ in range(20):
        s, r, _ = step(s, torch.tanh(actor(s)[:, :1]))
        total += r.mean().item() / 20
    return total


memory, s = [], torch.randn(N, 2)
print(f"score {score():.3f}")
for t in range(800):
    with torch.no_grad():
        a, _ = act(s)
    s2, r, d = step(s, a)
    memory.append((s, a, r, s2, d))
    s = torch.where((d[:, None] > 0) | (torch.rand(N, 1) < 0.03), torch.randn(N, 2), s2)
    if t < 30:
        continue
    b, u, w, b2, e = (torch.cat(z) for z in zip(*(memory[i] for i in torch.randint(len(memory), (6,)).tolist())))
    alpha = log_alpha.exp().detach()
    with torch.no_grad():
        n, lp = act(b2)
        x = torch.cat([b2, n], 1)
        y = w + GAMMA * (1 - e) * (torch.min(t1(x), t2(x)).squeeze(1) - alpha * lp)
    x = torch.cat([b, u], 1)
    loss_q = F.mse_loss(q1(x).squeeze(1), y) + F.mse_loss(q2(x).squeeze(1), y)
    opt_q.zero_grad()
    loss_q.backward()
    opt_q.step()
    n, lp = act(b)
    x = torch.cat([b, n], 1)
    loss_pi = (alpha * lp - torch.min(q1(x), q2(x)).squeeze(1)).mean()
    opt_pi.zero_grad()
    loss_pi.backward()
    opt_pi.step()
    loss_alpha = -(log_alpha * (lp.detach() - 1.0)).mean()
    opt_alpha.zero_grad()
    loss_alpha.backward()
    opt_alpha.step()
    for net, slow in ((q1, t1), (q2, t2)):
        for p, q in zip(net.parameters(), slow.parameters()):
            q.data.copy_((1 - TAU) * q.data + TAU * p.data)
    if t % 200 == 199:
        print(f"{t + 1} q {loss_q.item():.3f} score {score():.3f}")
print(f"score {score():.3f}")
