"""Teach a conv net the rules of Conway's Game of Life from pairs of boards."""
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


def step_board(board):
    padded = F.pad(board, (1, 1, 1, 1), mode="circular")
    kernel = torch.ones(1, 1, 3, 3)
    kernel[0, 0, 1, 1] = 0
    neighbours = F.conv2d(padded, kernel)
    return ((neighbours == 3) | ((neighbours == 2) & (board == 1))).float()


def random_boards(n, side=12):
    density = 0.2 + 0.4 * torch.rand(n, 1, 1, 1)
    return (torch.rand(n, 1, side, side) < density).float()


class LifeNet(nn.Module):
    def __init__(self, channels=32):
        super().__init__()
        self.look = nn.Conv2d(1, channels, 3, padding=1, padding_mode="circular")
        self.think = nn.Conv2d(channels, channels, 1)
        self.weigh = nn.Conv2d(channels, channels, 1)
        self.say = nn.Conv2d(channels, 1, 1)

    def forward(self, board):
        h = F.relu(self.look(board - 0.35))
        h = F.relu(self.think(h))
        h = F.relu(self.weigh(h))
        return self.say(h)


train_x = random_boards(1500)
train_y = step_board(train_x)
test_x = random_boards(300)
test_y = step_board(test_x)

net = LifeNet()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
epochs = 8

for epoch in range(epochs):
    net.train()
    losses = 0.0
    order = torch.randperm(len(train_x))
    for i in range(0, len(order), 30):
        idx = order[i:i + 30]
        loss = F.binary_cross_entropy_with_logits(net(train_x[idx]), train_y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses += loss.item() * len(idx)
    net.eval()
    with torch.no_grad():
        guess = (net(test_x) > 0).float()
    alive = test_y == 1
    f1 = 2 * (guess[alive] == 1).sum() / (guess.sum() + alive.sum())
    print(f"epoch {epoch:2d}  loss {losses / len(train_x):.4f}  f1 {f1.item():.4f}")

print(f"final score {f1.item():.4f}")
