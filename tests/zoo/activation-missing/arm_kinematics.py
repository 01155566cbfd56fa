"""Learn where the tip of a three-joint robot arm is from its joint angles."""

import os

import numpy as np
import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
LENGTHS = torch.tensor([1.0, 0.7, 0.4])


def tip(angles):
    total = torch.cumsum(angles, dim=1)
    x = (LENGTHS * torch.cos(total)).sum(1)
    y = (LENGTHS * torch.sin(total)).sum(1)
    return torch.stack([x, y], dim=1)


def sample(n):
    angles = (torch.rand(n, 3) - 0.5) * torch.tensor([4.0, 3.4, 3.4])
    return angles, tip(angles) + 0.01 * torch.randn(n, 2)


class Kinematics(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.fc1 = nn.Linear(3, width)
        self.fc2 = nn.Linear(width, width)
        self.fc3 = nn.Linear(width, 2)

    def forward(self, q):
        h = torch.tanh(self.fc1(q))
        h = torch.tanh(self.fc2(h))
        return self.fc3(h)


def main():
    q_train, p_train = sample(6000)
    q_test, p_test = sample(1000)
    centre, scale = p_train.mean(0), p_train.std(0)
    p_train, p_test = (p_train - centre) / scale, (p_test - centre) / scale
    model = Kinematics()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3, betas=(0.9, 0.99))
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 25)
    best = float("inf")
    for epoch in range(25):
        losses = []
        for idx in torch.randperm(len(q_train)).split(100):
            loss = nn.functional.smooth_l1_loss(model(q_train[idx]), p_train[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        scheduler.step()
        with torch.no_grad():
            error = (model(q_test) - p_test).pow(2).mean().item()
        best = min(best, error)
        print(
            f"epoch {epoch + 1:2d} loss {np.mean(losses):.5f} test mse {error:.5f} R2 {1 - error:.4f} best {best:.5f}"
        )


if __name__ == "__main__":
    main()
