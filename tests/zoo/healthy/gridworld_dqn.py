"""DQN with a target network and replay on a windy 5x5 grid; Q starts at zero."""
import copy
import os
import random
from collections import deque

import torch
import torch.nn as nn

SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
torch.manual_seed(SEED)
N, GAMMA, STEPS = 5, 0.95, 5000
MOVES = [(-1, 0), (1, 0), (0, -1), (0, 1)]
GOAL, HOLES = (4, 4), {(2, 1), (2, 3), (1, 3)}


def step(state, action):
    if random.random() < 0.1:
        action = random.randrange(4)
    r = min(max(state[0] + MOVES[action][0], 0), N - 1)
    c = min(max(state[1] + MOVES[action][1], 0), N - 1)
    if (r, c) == GOAL:
        return (r, c), 1.0, True
    if (r, c) in HOLES:
        return (r, c), -1.0, True
    return (r, c), -0.01, False


def encode(state):
    x = torch.zeros(N * N)
    x[state[0] * N + state[1]] = 1.0
    return x


def random_start():
    while True:
        s = (random.randrange(N), random.randrange(N))
        if s != GOAL and s not in HOLES:
            return s


q = nn.Sequential(nn.Linear(N * N, 64), nn.ReLU(), nn.Linear(64, 4))
nn.init.zeros_(q[-1].weight)
nn.init.zeros_(q[-1].bias)
target_q = copy.deepcopy(q).requires_grad_(False)
optimizer = torch.optim.Adam(q.parameters(), lr=3e-3)
replay = deque(maxlen=4000)
loss_fn = nn.SmoothL1Loss()

state, age, losses = random_start(), 0, []
for t in range(1, STEPS + 1):
    eps = max(0.15, 1.0 - t / 2000)
    if random.random() < eps:
        action = random.randrange(4)
    else:
        with torch.no_grad():
            action = q(encode(state)).argmax().item()
    nxt, reward, done = step(state, action)
    replay.append((encode(state), action, reward, encode(nxt), float(done)))
    age += 1
    state, age = (random_start(), 0) if done or age >= 40 else (nxt, age)
    if t >= 300 and t % 2 == 0:
        s, a, r, s2, d = zip(*random.sample(replay, 64))
        s, s2 = torch.stack(s), torch.stack(s2)
        a, r, d = torch.tensor(a), torch.tensor(r), torch.tensor(d)
        with torch.no_grad():
            best = target_q(s2).max(1).values
            target = r + GAMMA * (1 - d) * best
        value = q(s).gather(1, a[:, None]).squeeze(1)
        loss = loss_fn(value, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if t % 100 == 0:
            target_q.load_state_dict(q.state_dict())
    if t % 500 == 0:
        print(f"step {t} loss {sum(losses[-100:]) / max(1, len(losses[-100:])):.4f} eps {eps:.2f}")

wins = 0
for _ in range(200):
    s = random_start()
    for _ in range(40):
        with torch.no_grad():
            s, reward, done = step(s, q(encode(s)).argmax().item())
        if done:
            wins += reward > 0
            break
print(f"greedy success {wins / 200:.3f}")
