import os
import random
from collections import deque

import torch
import torch.nn as nn
import torch.nn.functional as F

seed = int(os.environ.get("SEED", 0))
random.seed(seed)
torch.manual_seed(seed)
torch.set_num_threads(1)


class Grid:
    """5 x 5 grid, start in a corner, goal in the other, mud in the middle."""

    def reset(self):
        self.p = [0, 0]
        self.t = 0
        return self.obs()

    def obs(self):
        return torch.tensor([self.p[0] / 2 - 1, self.p[1] / 2 - 1, float(self.p[0] == 2), float(self.p[1] == 2)])

    def step(self, a):
        dy, dx = [(0, 1), (1, 0), (0, -1), (-1, 0)][a]
        self.p = [min(4, max(0, self.p[0] + dy)), min(4, max(0, self.p[1] + dx))]
        self.t += 1
        if self.p == [4, 4]:
            return self.obs(), 1.0, True
        if self.p == [2, 2]:
            return self.obs(), -0.5, self.t >= 30
        return self.obs(), -0.02, self.t >= 30


def build():
    return nn.Sequential(nn.Linear(4, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 4))


online, target = build(), build()
target.load_state_dict(online.state_dict())
opt = torch.optim.Adam(online.parameters(), lr=2e-3)
memory, env = deque(maxlen=2000), Grid()
s, score, scores, updates = env.reset(), 0.0, [], 0
for step in range(2000):
    eps = max(0.05, 1 - step / 1200)
    with torch.no_grad():
        a = random.randrange(4) if random.random() < eps else online(s).argmax().item()
    s2, r, end = env.step(a)
    memory.append((s, a, r, s2, float(end and env.t < 30)))
    score += r
    s = s2
    if end:
        scores.append(score)
        s, score = env.reset(), 0.0
    if step >= 200 and step % 2 == 0:
        S, A, R, S2, D = zip(*random.sample(memory, 32))
        S, S2 = torch.stack(S), torch.stack(S2)
        with torch.no_grad():
            goal = torch.tensor(R) + 0.95 * (1 - torch.tensor(D)) * target(S2).max(1).values
        q = online(S).gather(1, torch.tensor(A)[:, None]).squeeze(1)
        loss = F.smooth_l1_loss(q, goal)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_value_(online.parameters(), 1.0)
        opt.step()
        updates += 1
        if updates % 50 == 0:
            target.load_state_dict(online.state_dict())
    if step % 500 == 499:
        print("step", step + 1, "mean score of the last 15 episodes", round(sum(scores[-15:]) / 15, 3))

s, total, end = env.reset(), 0.0, False
while not end:
    with torch.no_grad():
        s, r, end = env.step(online(s).argmax().item())
    total += r
print("greedy score", round(total, 2))
