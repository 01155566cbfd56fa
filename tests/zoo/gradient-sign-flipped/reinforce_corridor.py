import os

import torch
from torch import nn
from torch.distributions import Categorical

torch.manual_seed(int(os.environ.get("SEED", 0)))
LENGTH, HORIZON, ENVS = 7, 16, 32


class Corridor:
    """Walk to the far end, whose side is shown in the observation; reward on arrival, a small cost a step."""

    def __init__(self, n):
        self.n = n

    def reset(self):
        self.pos = torch.full((self.n,), LENGTH // 2)
        self.goal = torch.randint(0, 2, (self.n,)) * (LENGTH - 1)
        self.done = torch.zeros(self.n, dtype=torch.bool)
        return self.observe()

    def observe(self):
        place = (self.pos.float() - LENGTH // 2) / (LENGTH // 2)
        side = (self.goal > 0).float() * 2 - 1
        return torch.stack([place, side], 1)

    def step(self, action):
        live = ~self.done
        self.pos = torch.where(live, (self.pos + action * 2 - 1).clamp(0, LENGTH - 1), self.pos)
        arrived = live & (self.pos == self.goal)
        reward = arrived.float() - 0.02 * live.float()
        self.done |= arrived
        return self.observe(), reward, live.float()


policy = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 2))
optimizer = torch.optim.Adam(policy.parameters(), lr=3e-3)
env = Corridor(ENVS)
returns = []
for episode in range(250):
    obs = env.reset()
    logps, rewards, lives = [], [], []
    for _ in range(HORIZON):
        dist = Categorical(logits=policy(obs))
        action = dist.sample()
        logps.append(dist.log_prob(action))
        obs, reward, live = env.step(action)
        rewards.append(reward)
        lives.append(live)
    rewards, lives, logps = torch.stack(rewards), torch.stack(lives), torch.stack(logps)
    togo = rewards.flip(0).cumsum(0).flip(0)
    advantage = togo - (togo * lives).sum() / lives.sum()
    loss = -(logps * advantage * lives).sum() / lives.sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    returns.append(rewards.sum(0).mean().item())
    if episode % 25 == 24:
        print(f"episode {episode + 1} loss {loss.item():+.4f} return {sum(returns[-25:]) / 25:.3f}")
