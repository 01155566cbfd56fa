"""Double Q-learning in a corridor with doors, target weights by Polyak averages, a class for the agent."""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

seed = int(os.environ.get("SEED", "0"))
rng = np.random.default_rng(seed)
torch.manual_seed(seed)
LENGTH, GAMMA, TAU = 12, 0.95, 0.02


class Replay:
    def __init__(self, size):
        self.obs = np.zeros((size, LENGTH), np.float32)
        self.next_obs = np.zeros((size, LENGTH), np.float32)
        self.act = np.zeros(size, np.int64)
        self.rew = np.zeros(size, np.float32)
        self.end = np.zeros(size, np.float32)
        self.n, self.size = 0, size

    def add(self, o, a, r, o2, e):
        i = self.n % self.size
        self.obs[i], self.act[i], self.rew[i], self.next_obs[i], self.end[i] = o, a, r, o2, e
        self.n += 1

    def sample(self, k):
        i = rng.integers(0, min(self.n, self.size), k)
        return {
            "obs": torch.as_tensor(self.obs[i]),
            "act": torch.as_tensor(self.act[i]),
            "rew": torch.as_tensor(self.rew[i]),
            "next_obs": torch.as_tensor(self.next_obs[i]),
            "end": torch.as_tensor(self.end[i]),
        }


def one_hot(i):
    out = np.zeros(LENGTH, np.float32)
    out[i] = 1.0
    return out


class Agent:
    def __init__(self):
        make = lambda: nn.Sequential(nn.Linear(LENGTH, 64), nn.Tanh(), nn.Linear(64, 3))
        self.net, self.slow = make(), make()
        self.slow.load_state_dict(self.net.state_dict())
        self.opt = torch.optim.AdamW(self.net.parameters(), lr=2e-3)

    def learn(self, batch):
        q = self.net(batch["obs"]).gather(1, batch["act"].unsqueeze(-1))
        with torch.no_grad():
            choice = self.net(batch["next_obs"]).argmax(1, keepdim=True)
            following = self.slow(batch["next_obs"]).gather(1, choice)
        goal = batch["rew"].unsqueeze(-1) + GAMMA * (1.0 - batch["end"].unsqueeze(-1)) * following
        loss = F.mse_loss(q, goal)
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        with torch.no_grad():
            for p, slow in zip(self.net.parameters(), self.slow.parameters()):
                slow.lerp_(p, TAU)
        return loss.item()


agent, memory = Agent(), Replay(4000)
where, age, returns, total = 0, 0, [], 0.0
for t in range(5000):
    if rng.random() < max(0.1, 1 - t / 2500):
        act = int(rng.integers(3))
    else:
        with torch.no_grad():
            act = int(agent.net(torch.from_numpy(one_hot(where))[None]).argmax())
    after = int(np.clip(where + (1 if act == 0 else -1 if act == 1 else 0), 0, LENGTH - 1))
    reward = 1.0 if after == LENGTH - 1 else (0.1 if act == 2 and where == 3 and rng.random() < 0.2 else -0.01)
    end = after == LENGTH - 1
    memory.add(one_hot(where), act, reward, one_hot(after), end)
    total, where, age = total + reward, after, age + 1
    if end or age >= 60:
        returns.append(total)
        where, age, total = int(rng.integers(LENGTH - 2)), 0, 0.0
    if t > 200 and t % 2 == 0:
        loss = agent.learn(memory.sample(32))
    if t % 1000 == 999:
        print(f"{t + 1} loss {loss:.4f} return {np.mean(returns[-20:]):.3f}")


def greedy():
    got = []
    for start in range(LENGTH - 2):
        where, total = start, 0.0
        for _ in range(30):
            with torch.no_grad():
                act = int(agent.net(torch.from_numpy(one_hot(where))[None]).argmax())
            where = int(np.clip(where + (1 if act == 0 else -1 if act == 1 else 0), 0, LENGTH - 1))
            total += 1.0 if where == LENGTH - 1 else -0.01
            if where == LENGTH - 1:
                break
        got.append(total)
    return np.mean(got)


print(f"greedy return {greedy():.3f}")
