"""Deep Q-learning that balances a pole: replay, a target network that is copied now and then."""
import copy
import math
import os
import random
from collections import deque

import numpy as np
import torch
from torch import nn

SEED = int(os.environ.get("SEED", "0"))
random.seed(SEED)
np.random.seed(SEED)
torch.manual_seed(SEED)


class Cart:
    def reset(self):
        self.x = np.random.uniform(-0.05, 0.05, 4)
        self.t = 0
        return self.x.astype(np.float32)

    def step(self, action):
        x, v, angle, spin = self.x
        force = 10.0 if action == 1 else -10.0
        part = (force + 0.05 * spin**2 * math.sin(angle)) / 1.1
        turn = (9.8 * math.sin(angle) - math.cos(angle) * part) / (0.5 * (4 / 3 - 0.1 * math.cos(angle) ** 2 / 1.1))
        push = part - 0.05 * turn * math.cos(angle) / 1.1
        self.x = np.array([x + 0.02 * v, v + 0.02 * push, angle + 0.02 * spin, spin + 0.02 * turn])
        self.t += 1
        fallen = abs(self.x[0]) > 2.4 or abs(self.x[2]) > 0.21
        return self.x.astype(np.float32), 1.0, fallen, self.t >= 200


q = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
target = copy.deepcopy(q)
optimizer = torch.optim.Adam(q.parameters(), lr=1e-3)
memory = deque(maxlen=10000)
env, gamma, steps, lengths = Cart(), 0.98, 0, []
for episode in range(120):
    state, over = env.reset(), False
    while not over:
        epsilon = max(0.05, 1.0 - steps / 2000)
        if random.random() < epsilon:
            action = random.randrange(2)
        else:
            with torch.no_grad():
                action = int(q(torch.from_numpy(state)).argmax())
        following, reward, done, cut = env.step(action)
        memory.append((state, action, reward, following, done))
        state, over, steps = following, done or cut, steps + 1
        if len(memory) < 500:
            continue
        s, a, r, s2, d = zip(*random.sample(memory, 64))
        s, s2 = torch.tensor(np.array(s)), torch.tensor(np.array(s2))
        a, r = torch.tensor(a), torch.tensor(r)
        d = torch.tensor(d, dtype=torch.float32)
        with torch.no_grad():
            best = target(s2).max(1).values
            wanted = r + gamma * best * (1 - d)
        value = q(s).gather(1, a[:, None]).squeeze(1)
        loss = nn.functional.smooth_l1_loss(value, wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if steps % 200 == 0:
            target.load_state_dict(q.state_dict())
        if steps > 9000:
            break
    lengths.append(env.t)
    if episode % 20 == 19:
        print(f"episode {episode + 1} mean length {np.mean(lengths[-20:]):.1f}")
    if steps > 9000:
        break
print(f"mean length {np.mean(lengths[-20:]):.1f}")
