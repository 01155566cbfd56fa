import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
tastes, themes = torch.randn(300, 8), torch.randn(80, 8)


class Ratings(nn.Module):
    """Users times items; new users may join."""

    def __init__(self, users, items, width=8):
        super().__init__()
        self.users = nn.Parameter(0.3 * torch.randn(users, width))
        self.items = nn.Parameter(0.3 * torch.randn(items, width))

    def forward(self, user, item):
        return (self.users[user] * self.items[item]).sum(-1)

    def join(self, users):
        self.users = nn.Parameter(torch.cat([self.users.data, 0.3 * torch.randn(users, self.users.shape[1])]))


model = Ratings(200, 80)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
for step in range(2000):
    if step == 600:
        model.join(100)
        optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
    user, item = torch.randint(len(model.users), (256,)), torch.randint(80, (256,))
    rating = (tastes[user] * themes[item]).sum(-1) + 0.1 * torch.randn(256)
    loss = (model(user, item) - rating).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 200 == 199:
        print(f"step {step + 1} loss {loss.item():.4f}")
