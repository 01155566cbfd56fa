"""Advantage actor-critic on a small grid: actor and critic with an optimizer each, advantages by one step."""
import os

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
SIDE, N, GAMMA = 5, 32, 0.95
moves = torch.tensor([[0, 1], [1, 0], [0, -1], [-1, 0]])
goal = torch.tensor([4, 2])


def encode(place):
    return F.one_hot(place[:, 0] * SIDE + place[:, 1], SIDE * SIDE).float()


actor = nn.Sequential(nn.Linear(SIDE * SIDE, 64), nn.ReLU(), nn.Linear(64, 4))
critic = nn.Sequential(nn.Linear(SIDE * SIDE, 64), nn.ReLU(), nn.Linear(64, 1))
opt_a = torch.optim.Adam(actor.parameters(), lr=2e-3)
opt_c = torch.optim.Adam(critic.parameters(), lr=5e-3)
place, age, scores = torch.randint(SIDE, (N, 2)), torch.zeros(N), []
for step in range(2000):
    state = encode(place)
    logits = actor(state)
    probabilities = F.softmax(logits, 1)
    action = torch.multinomial(probabilities.detach(), 1).squeeze(1)
    after = (place + moves[action]).clamp(0, SIDE - 1)
    there = (after == goal).all(1)
    reward = torch.where(there, 1.0, -0.05)
    value = critic(state).squeeze(1)
    with torch.no_grad():
        following = critic(encode(after)).squeeze(1)
        target = reward + GAMMA * following * (~there)
    advantage = target - value
    critic_loss = advantage.pow(2).mean()
    opt_c.zero_grad()
    critic_loss.backward()
    opt_c.step()
    chosen = F.log_softmax(logits, 1).gather(1, action[:, None]).squeeze(1)
    entropy = -(probabilities * F.log_softmax(logits, 1)).sum(1).mean()
    actor_loss = -(chosen * advantage.detach()).mean() - 0.01 * entropy
    opt_a.zero_grad()
    actor_loss.backward()
    opt_a.step()
    scores.append(there.float().mean().item())
    age = age + 1
    again = there | (age > 30)
    age[again] = 0
    place = torch.where(again[:, None], torch.randint(SIDE, (N, 2)), after)
    if step % 400 == 399:
        print(f"step {step + 1} deliveries {sum(scores[-200:]) / 200:.3f}")
print(f"deliveries {sum(scores[-200:]) / 200:.3f}")
