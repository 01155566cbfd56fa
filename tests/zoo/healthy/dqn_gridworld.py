"""Deep Q-learning with replay and a target network on a 5x5 grid with two pits."""

import collections
import os
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
torch.manual_seed(SEED)


class Grid:
    size, goal, pits = 5, (4, 4), {(1, 3), (3, 1)}
    moves = [(0, 1), (1, 0), (0, -1), (-1, 0)]

    def reset(self):
        while True:
            self.at = (random.randrange(5), random.randrange(5))
            if self.at != self.goal and self.at not in self.pits:
                break
        self.t = 0
        return self.obs()

    def obs(self):
        v = torch.zeros(10)
        v[self.at[0]] = v[5 + self.at[1]] = 1.0
        return v

    def step(self, a):
        r, c = self.at[0] + self.moves[a][0], self.at[1] + self.moves[a][1]
        self.at = (min(max(r, 0), 4), min(max(c, 0), 4))
        self.t += 1
        if self.at == self.goal:
            return self.obs(), 1.0, True
        if self.at in self.pits:
            return self.obs(), -1.0, True
        return self.obs(), -0.02, False


def make_net():
    return nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))


class Agent:
    def __init__(self):
        self.q, self.target = make_net(), make_net()
        self.target.load_state_dict(self.q.state_dict())
        self.opt = torch.optim.Adam(self.q.parameters(), lr=1e-3)
        self.memory = collections.deque(maxlen=8000)

    def act(self, s, eps):
        if random.random() < eps:
            return random.randrange(4)
        with torch.no_grad():
            return int(self.q(s).argmax())

    def learn(self, size=64, gamma=0.95):
        batch = random.sample(self.memory, size)
        s, a, r, s2, done = (torch.stack(z) if isinstance(z[0], torch.Tensor) else torch.tensor(z) for z in zip(*batch))
        with torch.no_grad():
            best = self.target(s2).gather(1, self.q(s2).argmax(1, keepdim=True)).squeeze(1)
            goal = r + gamma * best * (~done).float()
        value = self.q(s).gather(1, a.unsqueeze(1)).squeeze(1)
        loss = F.smooth_l1_loss(value, goal)
        self.opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.q.parameters(), 10.0)
        self.opt.step()
        return loss.item()


def evaluate(agent, env, n=100):
    total = 0.0
    for _ in range(n):
        s, done = env.reset(), False
        while not done and env.t < 20:
            s, r, done = env.step(agent.act(s, 0.0))
            total += r
    return total / n


env, agent = Grid(), Agent()
frames, losses = 5000, []
s = env.reset()
for f in range(1, frames + 1):
    eps = max(0.1, 1 - f / 3000)
    a = agent.act(s, eps)
    s2, r, done = env.step(a)
    agent.memory.append((s, a, r, s2, done))
    s = env.reset() if done or env.t >= 30 else s2
    if f > 500 and f % 2 == 0:
        losses.append(agent.learn())
    if f % 200 == 0:
        agent.target.load_state_dict(agent.q.state_dict())
    if f % 1000 == 0:
        print(
            f"frame {f} td loss {sum(losses[-400:]) / max(1, len(losses[-400:])):.4f} return {evaluate(agent, env):.3f}"
        )
