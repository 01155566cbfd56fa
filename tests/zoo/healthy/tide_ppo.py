"""PPO with clipping, GAE and an entropy bonus: a boat that has to stay in a moving channel, one network, two heads."""
import os

import torch
from torch import nn
from torch.distributions import Categorical

torch.manual_seed(int(os.environ.get("SEED", "0")))
ENVS, HORIZON, GAMMA, LAM, CLIP = 16, 32, 0.97, 0.95, 0.2


class Boats:
    def __init__(self, n):
        self.place, self.channel, self.age = torch.rand(n) * 4 - 2, torch.rand(n) * 2 - 1, torch.zeros(n)

    def see(self):
        return torch.stack([self.place, self.channel, self.place - self.channel], 1)

    def step(self, action):
        self.place = self.place + 0.3 * (action - 1)
        self.channel = (self.channel + 0.1 * torch.randn_like(self.channel)).clamp(-2, 2)
        self.age = self.age + 1
        away = (self.place - self.channel).abs()
        reward = 1 - away
        ground = away > 3
        over = ground | (self.age >= 50)
        n = int(over.sum())
        self.place[over], self.channel[over], self.age[over] = torch.rand(n) * 4 - 2, torch.rand(n) * 2 - 1, 0.0
        return reward - 2 * ground, over.float()


class ActorCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh())
        self.actor, self.critic = nn.Linear(64, 3), nn.Linear(64, 1)

    def forward(self, x):
        h = self.body(x)
        return Categorical(logits=self.actor(h)), self.critic(h).squeeze(-1)


net = ActorCritic()
opt = torch.optim.Adam(net.parameters(), lr=1e-3, eps=1e-5)
boats = Boats(ENVS)
for update in range(30):
    rows = []
    for _ in range(HORIZON):
        obs = boats.see()
        with torch.no_grad():
            dist, value = net(obs)
            action = dist.sample()
            logp = dist.log_prob(action)
        reward, over = boats.step(action)
        rows.append((obs, action, logp, value, reward, over))
    obs, act, old, val, rew, end = (torch.stack(z) for z in zip(*rows))
    with torch.no_grad():
        last = net(boats.see())[1]
    adv, running = torch.zeros_like(rew), torch.zeros(ENVS)
    for t in reversed(range(HORIZON)):
        follow = last if t == HORIZON - 1 else val[t + 1]
        delta = rew[t] + GAMMA * follow * (1 - end[t]) - val[t]
        running = delta + GAMMA * LAM * (1 - end[t]) * running
        adv[t] = running
    ret = adv + val
    obs, act, old, adv, ret = obs.flatten(0, 1), act.flatten(), old.flatten(), adv.flatten(), ret.flatten()
    adv = (adv - adv.mean()) / (adv.std() + 1e-8)
    for _ in range(4):
        for i in torch.randperm(len(obs)).split(128):
            dist, value = net(obs[i])
            ratio = (dist.log_prob(act[i]) - old[i]).exp()
            surrogate = torch.min(ratio * adv[i], ratio.clamp(1 - CLIP, 1 + CLIP) * adv[i])
            loss = -surrogate.mean() + 0.5 * (ret[i] - value).pow(2).mean() - 0.01 * dist.entropy().mean()
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 0.5)
            opt.step()
    if update % 6 == 5:
        print(f"update {update + 1} reward {rew.mean().item():.3f}")
print(f"reward {rew.mean().item():.3f}")
