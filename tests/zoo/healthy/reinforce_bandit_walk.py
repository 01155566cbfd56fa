"""REINFORCE with a learned baseline on a corridor: walk right, earlier is better."""

import os
import torch
from torch import nn
from torch.distributions import Categorical

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
LENGTH, HORIZON, GAMMA = 7, 20, 0.95

policy = nn.Sequential(nn.Linear(LENGTH, 24), nn.Tanh(), nn.Linear(24, 2))
value = nn.Sequential(nn.Linear(LENGTH, 24), nn.Tanh(), nn.Linear(24, 1))
opt_p = torch.optim.Adam(policy.parameters(), lr=5e-3)
opt_v = torch.optim.Adam(value.parameters(), lr=1e-2)
eye = torch.eye(LENGTH)


def rollout(n):
    pos = torch.zeros(n, dtype=torch.long)
    done = torch.zeros(n, dtype=torch.bool)
    S, LP, R, M, H = [], [], [], [], []
    for _ in range(HORIZON):
        s = eye[pos]
        dist = Categorical(logits=policy(s))
        a = dist.sample()
        LP.append(dist.log_prob(a))
        H.append(dist.entropy())
        S.append(s)
        M.append((~done).float())
        slip = torch.rand(n) < 0.1
        pos = (pos + torch.where(slip, -1, 2 * a - 1)).clamp(0, LENGTH - 1)
        reach = (pos == LENGTH - 1) & ~done
        R.append(reach.float())
        done = done | reach
    return map(torch.stack, (S, LP, R, M, H))


for it in range(160):
    S, LP, R, M, H = rollout(16)
    G = torch.zeros_like(R)
    run = torch.zeros(R.shape[1])
    for t in reversed(range(HORIZON)):
        run = R[t] + GAMMA * run
        G[t] = run
    V = value(S).squeeze(-1)
    adv = (G - V).detach()
    loss_p = -((LP * adv + 0.005 * H) * M).sum() / M.sum()
    loss_v = ((G - V) ** 2 * M).sum() / M.sum()
    opt_p.zero_grad()
    loss_p.backward()
    opt_p.step()
    opt_v.zero_grad()
    loss_v.backward()
    opt_v.step()
    if it % 32 == 31:
        print(f"iteration {it + 1:3d} discounted return {G[0].mean():.3f} mean length {M.sum(0).mean():.1f}")
