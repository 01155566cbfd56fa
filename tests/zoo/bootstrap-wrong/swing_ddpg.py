"""DDPG steers a point mass to the middle: a task that never ends, so every target is bootstrapped."""
import copy
import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
N, GAMMA, TAU = 32, 0.95, 0.01


def physics(state, force):
    x, v = state[:, 0], state[:, 1]
    v = 0.95 * v + 0.2 * force[:, 0]
    x = (x + 0.2 * v).clamp(-2, 2)
    return torch.stack([x, v], 1), -(x**2) - 0.05 * force[:, 0] ** 2


def fresh(n):
    return torch.rand(n, 2) * 2 - 1


actor = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 1), nn.Tanh())
critic = nn.Sequential(nn.Linear(3, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
actor_target, critic_target = copy.deepcopy(actor), copy.deepcopy(critic)
actor_opt = torch.optim.Adam(actor.parameters(), lr=5e-4)
critic_opt = torch.optim.Adam(critic.parameters(), lr=2e-3)


@torch.no_grad()
def cost():
    state, total = fresh(200), 0.0
    for _ in range(40):
        state, reward = physics(state, actor(state))
        total += reward.mean().item()
    return total


memory, state = [], fresh(N)
print(f"return {cost():.2f}")
for t in range(1500):
    with torch.no_grad():
        action = (actor(state) + 0.3 * torch.randn(N, 1)).clamp(-1, 1)
    after, reward = physics(state, action)
    memory.append((state, action, reward, after))
    memory = memory[-1000:]
    state = after if t % 40 else fresh(N)
    picks = torch.randint(len(memory), (4,)).tolist()
    s, a, r, s2 = (torch.cat(part) for part in zip(*(memory[i] for i in picks)))

    with torch.no_grad():
        q_next = critic_target(torch.cat([s2, actor_target(s2)], 1)).squeeze(1)
        y = r + GAMMA * q_next
    critic_loss = ((critic(torch.cat([s, a], 1)).squeeze(1) - y) ** 2).mean()
    critic_opt.zero_grad()
    critic_loss.backward()
    critic_opt.step()

    actor_loss = -critic(torch.cat([s, actor(s)], 1)).mean()
    actor_opt.zero_grad()
    actor_loss.backward()
    actor_opt.step()

    for net, slow in ((actor, actor_target), (critic, critic_target)):
        for p, q in zip(net.parameters(), slow.parameters()):
            q.data.mul_(1 - TAU).add_(TAU * p.data)
    if t % 300 == 299:
        print(f"{t + 1} critic {critic_loss.item():.4f} return {cost():.2f}")
print(f"return {cost():.2f}")
