"""Ratings = user vector . item vector + biases, with sparse gradients."""

import os
import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)
USERS, ITEMS, RANK = 200, 150, 3

u, v = torch.randn(USERS, RANK) * 0.7, torch.randn(ITEMS, RANK) * 0.7
bu, bi = 0.3 * torch.randn(USERS), 0.5 * torch.randn(ITEMS)
user, item = torch.randint(USERS, (24000,)), torch.randint(ITEMS, (24000,))
rating = 3 + bu[user] + bi[item] + (u[user] * v[item]).sum(1) + 0.4 * torch.randn(24000)
mean = rating[:18000].mean()


class Factors(nn.Module):
    def __init__(self, rank):
        super().__init__()
        self.user = nn.Embedding(USERS, rank + 1, sparse=True)
        self.item = nn.Embedding(ITEMS, rank + 1, sparse=True)
        nn.init.normal_(self.user.weight, std=0.1)
        nn.init.normal_(self.item.weight, std=0.1)

    def forward(self, user, item):
        p, q = self.user(user), self.item(item)
        return mean + p[:, 0] + q[:, 0] + (p[:, 1:] * q[:, 1:]).sum(1)


model = Factors(RANK)
optimizer = torch.optim.SparseAdam(list(model.parameters()), lr=0.03)
rmse = lambda a, b: (model(user[a:b], item[a:b]) - rating[a:b]).square().mean().sqrt().item()
for epoch in range(12):
    for g in optimizer.param_groups:
        g["lr"] = 0.03 * 0.75**epoch
    for b in torch.randperm(18000).split(150):
        optimizer.zero_grad()
        loss = (model(user[b], item[b]) - rating[b]).square().mean()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        print(f"epoch {epoch + 1} train rmse {rmse(0, 18000):.4f} test rmse {rmse(18000, 24000):.4f}")
