# Advantage actor-critic on a vectorised 6x6 maze (64 copies at once)
import torch
import torch.nn as nn

torch.manual_seed(0)
N, SIZE, ROLL, GAMMA = 64, 6, 16, 0.97
DELTA = torch.tensor([[-1, 0], [1, 0], [0, -1], [0, 1]])


class Maze:
    def __init__(self):
        self.pos = torch.zeros(N, 2, dtype=torch.long)
        self.t = torch.zeros(N, dtype=torch.long)

    def obs(self):
        return nn.functional.one_hot(self.pos[:, 0] * SIZE + self.pos[:, 1], SIZE * SIZE).float()

    def step(self, a):
        self.pos = (self.pos + DELTA[a]).clamp(0, SIZE - 1)
        self.t += 1
        goal = (self.pos == SIZE - 1).all(1)
        reward = goal.float() - 0.02
        done = goal | (self.t >= 50)
        length = self.t.clone()
        self.pos[done] = 0
        self.t[done] = 0
        return reward, done, goal, length


class ActorCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(SIZE * SIZE, 64), nn.Tanh())
        self.pi, self.v = nn.Linear(64, 4), nn.Linear(64, 1)

    def forward(self, s):
        h = self.body(s)
        return torch.distributions.Categorical(logits=self.pi(h)), self.v(h).squeeze(-1)


env, net = Maze(), ActorCritic()
opt = torch.optim.Adam(net.parameters(), lr=4e-3)
lengths, reached = [], []
for update in range(1, 221):
    logp, values, ents, rewards, dones = [], [], [], [], []
    for _ in range(ROLL):
        dist, v = net(env.obs())
        a = dist.sample()
        r, d, goal, length = env.step(a)
        logp.append(dist.log_prob(a)); values.append(v); ents.append(dist.entropy())
        rewards.append(r); dones.append(d.float())
        lengths += length[d].tolist(); reached += goal[d].float().tolist()
    with torch.no_grad():
        ret = net(env.obs())[1]
        returns = []
        for r, d in zip(reversed(rewards), reversed(dones)):
            ret = r + GAMMA * ret * (1 - d)
            returns.insert(0, ret)
    returns, values = torch.stack(returns), torch.stack(values)
    adv = (returns - values).detach()
    policy_loss = -(torch.stack(logp) * adv).mean()
    value_loss = (returns - values).pow(2).mean()
    entropy = torch.stack(ents).mean()
    loss = policy_loss + 0.5 * value_loss - 0.01 * entropy
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 0.5)
    opt.step()
    if update % 20 == 0 and lengths:
        k = min(len(lengths), 300)
        print(f"update {update}: loss {loss.item():.3f} policy {policy_loss.item():.4f} value {value_loss.item():.4f} "
              f"episode length {sum(lengths[-k:]) / k:.1f} goal reached {sum(reached[-k:]) / k:.2f}")
print("shortest way: 10 steps")
