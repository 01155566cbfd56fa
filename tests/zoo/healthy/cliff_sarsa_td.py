"""TD learning of the values of a random walk, without a target network: the values themselves bootstrap, detached."""
import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
STATES, GAMMA = 9, 1.0
net = nn.Sequential(nn.Linear(STATES, 32), nn.ReLU(), nn.Linear(32, 1))
opt = torch.optim.SGD(net.parameters(), lr=0.05)
eye = torch.eye(STATES)
truth = torch.arange(1, STATES + 1) / (STATES + 1)


def walk(n):
    """n transitions from everywhere: the walk ends left with 0, right with 1."""
    s = torch.randint(STATES, (n,))
    after = s + torch.randint(2, (n,)) * 2 - 1
    reward = (after == STATES).float()
    over = (after < 0) | (after == STATES)
    return eye[s], reward, eye[after.clamp(0, STATES - 1)], over


for step in range(3000):
    s, reward, s2, over = walk(32)
    value, following = net(torch.cat([s, s2])).squeeze(-1).split(32)
    target = torch.where(over, reward, reward + GAMMA * following).detach()
    loss = (target - value).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 500 == 499:
        error = (net(eye).squeeze(-1) - truth).abs().mean().item()
        print(f"step {step + 1} td {loss.item():.4f} error {error:.4f}")
print(f"error {error:.4f}")
