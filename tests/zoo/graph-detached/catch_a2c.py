"""Advantage actor-critic on a batched 'catch' game."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(6)
np.random.seed(6)
ROWS, COLS, N_ENV = 7, 5, 64


class Catch:
    """The ball falls one row a step, the paddle moves left/stay/right; +1 if caught, -1 otherwise."""

    def reset(self):
        self.ball = np.stack([np.zeros(N_ENV, int), np.random.randint(0, COLS, N_ENV)], 1)
        self.pad = np.random.randint(0, COLS, N_ENV)
        return self.obs()

    def obs(self):
        o = np.zeros((N_ENV, ROWS + 2 * COLS), np.float32)
        r = np.arange(N_ENV)
        o[r, self.ball[:, 0]] = 1
        o[r, ROWS + self.ball[:, 1]] = 1
        o[r, ROWS + COLS + self.pad] = 1
        return torch.from_numpy(o)

    def step(self, a):
        self.pad = np.clip(self.pad + a - 1, 0, COLS - 1)
        self.ball[:, 0] += 1
        done = self.ball[0, 0] == ROWS - 1
        rew = np.where(self.pad == self.ball[:, 1], 1.0, -1.0) if done else np.zeros(N_ENV)
        return self.obs(), rew, done


class ActorCritic(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.actor = nn.Sequential(nn.Linear(d, 64), nn.Tanh(), nn.Linear(64, 3))
        self.critic = nn.Sequential(nn.Linear(d, 64), nn.Tanh(), nn.Linear(64, 1))

    def act(self, s):
        dist = torch.distributions.Categorical(logits=self.actor(s))
        a = dist.sample()
        return a.numpy(), dist.log_prob(a), self.critic(s).squeeze(-1)


env, agent = Catch(), ActorCritic(ROWS + 2 * COLS)
opt = torch.optim.Adam(agent.parameters(), lr=3e-3)
gamma, scores = 0.98, []
for ep in range(1, 401):
    s, done = env.reset(), False
    logp_buf, value_buf, rew_buf = [], [], []
    while not done:
        a, logp, v = agent.act(s)
        s, r, done = env.step(a)
        logp_buf.append(logp)
        value_buf.append(v)
        rew_buf.append(r)
    rets, g = [], np.zeros(N_ENV)
    for r in reversed(rew_buf):
        g = r + gamma * g
        rets.insert(0, g)
    rets = torch.tensor(np.array(rets), dtype=torch.float32)
    logps, values = torch.stack(logp_buf), torch.stack(value_buf)
    adv = rets - values.detach()
    pg = -(logps * adv).mean()
    vf = F.mse_loss(values, rets)
    loss = pg + 0.5 * vf
    opt.zero_grad()
    loss.backward()
    opt.step()
    scores.append(rew_buf[-1].mean())
    if ep % 80 == 0:
        print(f"episode {ep:3d} pg {pg.item():+.4f} value loss {vf.item():.4f} score {np.mean(scores[-40:]):+.3f}")
