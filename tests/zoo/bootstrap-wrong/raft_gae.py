"""Actor-critic with generalised advantages keeps a raft between two banks; a rollout holds several episodes."""
import os

import torch
from torch import nn
from torch.distributions import Categorical

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
GAMMA, LAM, STEPS = 0.98, 0.95, 128


class Raft:
    def reset(self):
        self.x, self.v, self.t = torch.rand(()).item() - 0.5, 0.0, 0
        return torch.tensor([self.x, self.v])

    def step(self, action):
        self.v += 0.1 * (2 * action - 1) + 0.05 * self.x + 0.02 * torch.randn(()).item()
        self.x += 0.3 * self.v
        self.t += 1
        return torch.tensor([self.x, self.v]), 1.0, abs(self.x) > 1 or self.t >= 100


def advantages_of(rewards, values, dones, last):
    advantages, running = [], 0.0
    for t in reversed(range(len(rewards))):
        follows = last if t == len(rewards) - 1 else values[t + 1]
        alive = 1.0 - dones[t]
        delta = rewards[t] + GAMMA * follows * alive - values[t]
        running = delta + GAMMA * LAM * running * alive
        advantages.insert(0, running)
    return advantages


actor = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 2))
critic = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 1))
optimizer = torch.optim.Adam([*actor.parameters(), *critic.parameters()], lr=3e-3)
raft, lengths, length = Raft(), [], 0
state = raft.reset()
for update in range(80):
    states, actions, rewards, values, dones = [], [], [], [], []
    for _ in range(STEPS):
        with torch.no_grad():
            action = Categorical(logits=actor(state)).sample()
            value = critic(state).item()
        after, reward, done = raft.step(action.item())
        for kept, one in zip((states, actions, rewards, values, dones), (state, action, reward, value, done)):
            kept.append(one)
        length += 1
        if done:
            after = raft.reset()
            lengths.append(length)
            length = 0
        state = after
    with torch.no_grad():
        last = critic(state).item()
    advantages = torch.tensor(advantages_of(rewards, values, dones, last))
    returns = advantages + torch.tensor(values)
    advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    states, actions = torch.stack(states), torch.stack(actions)
    for _ in range(4):
        policy = Categorical(logits=actor(states))
        loss = -(policy.log_prob(actions) * advantages).mean() - 0.01 * policy.entropy().mean()
        loss = loss + 0.5 * nn.functional.mse_loss(critic(states).squeeze(1), returns)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if update % 20 == 19:
        print(f"update {update + 1} mean length {sum(lengths[-30:]) / len(lengths[-30:]):.1f}")
