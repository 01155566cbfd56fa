"""Policy gradient on a contextual bandit with four arms."""

import argparse
import os
import torch
from torch import nn
from torch.distributions import Categorical

cli = argparse.ArgumentParser()
cli.add_argument("--seed", type=int, default=os.environ.get("SEED", "0"))
cli.add_argument("--updates", type=int, default=700)
a = cli.parse_args()
torch.manual_seed(a.seed)
torch.set_num_threads(1)

arms = torch.randn(4, 6)


def reward(context, arm):
    best = (context @ arms.t()).argmax(1)
    return (arm == best).float() * (torch.rand(len(arm)) < 0.9).float()


policy = nn.Sequential(nn.Linear(6, 24), nn.Tanh(), nn.Linear(24, 4))
baseline = nn.Parameter(torch.tensor(0.25))
opt = torch.optim.Adam([{"params": policy.parameters(), "lr": 0.01}, {"params": [baseline], "lr": 0.02}])
recent = 0.25
for update in range(1, a.updates + 1):
    context = torch.randn(64, 6)
    dist = Categorical(logits=policy(context))
    action = dist.sample()
    r = reward(context, action)
    advantage = r - baseline
    loss = (
        -(dist.log_prob(action) * advantage.detach()).mean()
        + 0.5 * advantage.square().mean()
        - 0.005 * dist.entropy().mean()
    )
    opt.zero_grad()
    loss.backward()
    opt.step()
    recent = 0.97 * recent + 0.03 * r.mean().item()
    if update % 100 == 0:
        with torch.no_grad():
            c = torch.randn(2000, 6)
            greedy = reward(c, policy(c).argmax(1)).mean().item()
        print(f"update {update}: reward {recent:.3f}, greedy {greedy:.3f} (at most 0.9)")
