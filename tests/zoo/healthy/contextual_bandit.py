"""Contextual bandit: REINFORCE with a learned baseline, entropy bonus annealed to nothing."""
import torch
import torch.nn as nn
from torch.distributions import Categorical

torch.manual_seed(8)
K, F_ = 5, 6
W = torch.randn(F_, K)


def reward(x, a):
    return (x @ W).argmax(1).eq(a).float() + 0.1 * torch.randn(len(x))


policy = nn.Sequential(nn.Linear(F_, 64), nn.ReLU(), nn.Linear(64, K))
base = nn.Sequential(nn.Linear(F_, 32), nn.ReLU(), nn.Linear(32, 1))
opt = torch.optim.Adam([{"params": policy.parameters(), "lr": 5e-3}, {"params": base.parameters(), "lr": 5e-3}])
N = 1000
avg = 0.2
for it in range(1, N + 1):
    x = torch.randn(128, F_)
    pi = Categorical(logits=policy(x))
    a = pi.sample()
    r = reward(x, a)
    b = base(x).squeeze(1)
    pg = -((r - b).detach() * pi.log_prob(a)).mean()
    loss = pg + 0.5 * (b - r).square().mean() - 0.02 * (1 - it / N) * pi.entropy().mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    avg = 0.98 * avg + 0.02 * r.mean().item()
    if it % 200 == 0:
        x = torch.randn(2000, F_)
        ok = (policy(x).argmax(1) == (x @ W).argmax(1)).float().mean()
        print(f"{it:5d}  reward {avg:.3f}  entropy {pi.entropy().mean():.3f}  loss {loss:+.4f}  greedy choice right {ok:.3f}")
