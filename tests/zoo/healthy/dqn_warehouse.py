"""DQN for a cart in a small warehouse: fetch the parcel, bring it to the gate."""
import os
import random
from collections import deque

import numpy as np
import torch
import torch.nn as nn

SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
np.random.seed(SEED)
torch.manual_seed(SEED)

SIDE, LIMIT = 4, 30
MOVES = [(0, 1), (0, -1), (1, 0), (-1, 0)]
GATE = (0, 0)


class Warehouse:
    def reset(self):
        self.cart = (random.randrange(SIDE), random.randrange(SIDE))
        self.parcel = random.choice([(3, 3), (3, 0), (0, 3)])
        self.loaded, self.time = False, 0
        return self.observe()

    def observe(self):
        grid = np.zeros((3, SIDE, SIDE), dtype=np.float32)
        grid[0][self.cart] = 1
        if not self.loaded:
            grid[1][self.parcel] = 1
        grid[2] = self.loaded
        return grid.ravel()

    def step(self, action):
        dx, dy = MOVES[action]
        x, y = self.cart[0] + dx, self.cart[1] + dy
        self.cart = (min(max(x, 0), SIDE - 1), min(max(y, 0), SIDE - 1))
        self.time += 1
        reward, done = -0.02, False
        if not self.loaded and self.cart == self.parcel:
            self.loaded, reward = True, 0.5
        elif self.loaded and self.cart == GATE:
            reward, done = 1.0, True
        return self.observe(), reward, done, self.time >= LIMIT


def make_net():
    return nn.Sequential(nn.Linear(3 * SIDE * SIDE, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))


q, target = make_net(), make_net()
target.load_state_dict(q.state_dict())
optimizer = torch.optim.Adam(q.parameters(), lr=1e-3)
memory = deque(maxlen=10000)
env, GAMMA, STEPS = Warehouse(), 0.95, 6000


def greedy(state):
    with torch.no_grad():
        return int(q(torch.from_numpy(state)).argmax())


def evaluate(episodes=50):
    delivered = 0
    for _ in range(episodes):
        state, over = env.reset(), False
        while not over:
            state, _, done, timeout = env.step(greedy(state))
            over = done or timeout
            delivered += done
    return delivered / episodes


state, losses = env.reset(), []
for step in range(1, STEPS + 1):
    epsilon = max(0.1, 1 - step / 2500)
    action = random.randrange(4) if random.random() < epsilon else greedy(state)
    nxt, reward, done, timeout = env.step(action)
    memory.append((state, action, reward, nxt, float(done)))
    state = env.reset() if done or timeout else nxt

    if step >= 500 and step % 4 == 0:
        s, a, r, n, d = zip(*random.sample(memory, 64))
        s, n = torch.from_numpy(np.stack(s)), torch.from_numpy(np.stack(n))
        a, r, d = torch.tensor(a), torch.tensor(r), torch.tensor(d)
        with torch.no_grad():
            goal = r + GAMMA * (1 - d) * target(n).max(1).values
        value = q(s).gather(1, a[:, None]).squeeze(1)
        loss = nn.functional.smooth_l1_loss(value, goal)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(q.parameters(), 10.0)
        optimizer.step()
        losses.append(loss.item())
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * max(0.1, 1 - step / STEPS)
    if step % 300 == 0:
        target.load_state_dict(q.state_dict())
    if step % 1000 == 0:
        state_backup = (env.cart, env.parcel, env.loaded, env.time)
        rate = evaluate()
        env.cart, env.parcel, env.loaded, env.time = state_backup
        print(f"step {step} td loss {np.mean(losses[-200:]):.5f} mean q {value.mean().item():.3f} delivered {rate:.3f}")
