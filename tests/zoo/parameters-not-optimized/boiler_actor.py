"""A controller and a judge of its settings: the judge learns rewards, the controller what the judge likes best."""
import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))


def reward(room, heat):
    wanted = torch.sin(room[:, :1] * 2) * room[:, 1:2]
    return -((heat - wanted) ** 2)


controller = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 1), nn.Tanh())
judge = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
judge_opt = torch.optim.Adam(judge.parameters(), lr=2e-3)
controller_opt = torch.optim.Adam(controller.parameters(), lr=1e-3)
test = torch.rand(500, 3) * 2 - 1
for step in range(1500):
    room = torch.rand(64, 3) * 2 - 1
    with torch.no_grad():
        heat = (controller(room) + 0.4 * torch.randn(64, 1)).clamp(-1, 1)
    judge_loss = nn.functional.mse_loss(judge(torch.cat([room, heat], 1)), reward(room, heat))
    judge_opt.zero_grad()
    judge_loss.backward()
    judge_opt.step()

    controller_loss = -judge(torch.cat([room, controller(room)], 1)).mean()
    controller_opt.zero_grad()
    controller_loss.backward()
    controller_opt.step()
    if step % 500 == 499:
        with torch.no_grad():
            print(f"step {step + 1} reward {reward(test, controller(test)).mean().item():.4f}")
