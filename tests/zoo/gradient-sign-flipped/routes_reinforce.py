"""REINFORCE that lowers costs of routes: episodes of five choices, a running baseline, costs instead of rewards."""
import os

import torch
from torch import nn
from torch.distributions import Categorical

torch.manual_seed(int(os.environ.get("SEED", "0")))
LEGS, ROADS, BATCH = 5, 4, 64
tolls = torch.rand(LEGS, ROADS, 3)
policy = nn.Sequential(nn.Linear(LEGS + 3, 48), nn.ReLU(), nn.Linear(48, ROADS))
optimizer = torch.optim.Adam(policy.parameters(), lr=5e-3)
baseline = None
for iteration in range(400):
    weather = torch.randint(3, (BATCH,))
    cost, log_probability = torch.zeros(BATCH), torch.zeros(BATCH)
    for leg in range(LEGS):
        seen = torch.cat([torch.eye(LEGS)[leg].expand(BATCH, -1), torch.eye(3)[weather]], 1)
        choice = Categorical(logits=policy(seen))
        road = choice.sample()
        log_probability = log_probability + choice.log_prob(road)
        cost = cost + tolls[leg, road, weather] + 0.1 * torch.rand(BATCH)
    baseline = cost.mean() if baseline is None else 0.9 * baseline + 0.1 * cost.mean()
    excess = cost - baseline
    loss = (log_probability * excess).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if iteration % 80 == 79:
        print(f"iteration {iteration + 1} cost {cost.mean().item():.3f}")
print(f"cost {cost.mean().item():.3f} best {tolls.min(1).values.sum(0).mean().item() + 0.25:.3f}")
