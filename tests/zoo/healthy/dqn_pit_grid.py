# Q-learning with a network and replay on a 5x5 grid with a pit. Project of the RL seminar.
import random
from collections import deque
import torch
import torch.nn as nn

random.seed(0)
torch.manual_seed(0)
SIZE, GOAL, PITS = 5, (4, 4), {(2, 2), (1, 3), (3, 1)}
MOVES = [(-1, 0), (1, 0), (0, -1), (0, 1)]


class Grid:
    def reset(self):
        self.pos, self.t = (0, 0), 0
        return self.obs()

    def obs(self):
        v = torch.zeros(SIZE * SIZE)
        v[self.pos[0] * SIZE + self.pos[1]] = 1
        return v

    def step(self, a):
        r = min(max(self.pos[0] + MOVES[a][0], 0), SIZE - 1)
        c = min(max(self.pos[1] + MOVES[a][1], 0), SIZE - 1)
        self.pos, self.t = (r, c), self.t + 1
        if self.pos == GOAL:
            return self.obs(), 1.0, True, True
        if self.pos in PITS:
            return self.obs(), -1.0, True, True
        return self.obs(), -0.02, False, self.t >= 40


def make():
    return nn.Sequential(nn.Linear(25, 64), nn.ReLU(), nn.Linear(64, 4))


q, target = make(), make()
target.load_state_dict(q.state_dict())
opt = torch.optim.Adam(q.parameters(), lr=2e-3)
memory = deque(maxlen=4000)
env, gamma, steps = Grid(), 0.95, 0
scores = []
for ep in range(350):
    s, over, total = env.reset(), False, 0.0
    eps = max(0.05, 1 - ep / 200)
    while not over:
        if random.random() < eps:
            a = random.randrange(4)
        else:
            with torch.no_grad():
                a = q(s).argmax().item()
        s2, r, terminal, over = env.step(a)
        memory.append((s, a, r, s2, float(terminal)))
        s, total, steps = s2, total + r, steps + 1
        if len(memory) >= 200 and steps % 2 == 0:
            S, A, R, S2, D = zip(*random.sample(memory, 64))
            S, S2 = torch.stack(S), torch.stack(S2)
            A, R, D = torch.tensor(A), torch.tensor(R), torch.tensor(D)
            with torch.no_grad():
                y = R + gamma * (1 - D) * target(S2).max(1).values
            loss = nn.functional.smooth_l1_loss(q(S).gather(1, A[:, None]).squeeze(1), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
        if steps % 200 == 0:
            target.load_state_dict(q.state_dict())
    scores.append(total)
    if ep % 50 == 49:
        print(f"episode {ep + 1}: eps {eps:.2f}, mean score {sum(scores[-50:]) / 50:.3f}, td loss {loss.item():.5f}")

s, over, path = env.reset(), False, [(0, 0)]
while not over:
    with torch.no_grad():
        s, r, _, over = env.step(q(s).argmax().item())
    path.append(env.pos)
print("greedy path:", path, "(best score possible: 0.86)")
