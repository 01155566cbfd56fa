"""Matrix factorisation recommender with user and item biases (synthetic ratings)."""

import os
import numpy as np
import torch
import torch.nn as nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

N_USERS, N_ITEMS, RANK = 300, 120, 4
taste = rng.normal(0, 0.75, (N_USERS, RANK))
genre = rng.normal(0, 0.75, (N_ITEMS, RANK))
full = 3.3 + rng.normal(0, 0.3, (N_USERS, 1)) + rng.normal(0, 0.4, (1, N_ITEMS)) + taste @ genre.T
mask = rng.random(full.shape) < 0.6
u, i = np.nonzero(mask)
r = full[u, i] + rng.normal(0, 0.3, len(u))

perm = rng.permutation(len(u))
cut = int(0.85 * len(perm))
u, i = torch.from_numpy(u), torch.from_numpy(i)
r = torch.from_numpy(r).float()
tr, te = torch.from_numpy(perm[:cut]), torch.from_numpy(perm[cut:])


class MF(nn.Module):
    def __init__(self, n_users, n_items, k, mean):
        super().__init__()
        self.users = nn.Embedding(n_users, k)
        self.items = nn.Embedding(n_items, k)
        self.user_bias = nn.Embedding(n_users, 1)
        self.item_bias = nn.Embedding(n_items, 1)
        self.mean = mean
        self.reset()

    def reset(self):
        for table in (self.users, self.items):
            nn.init.normal_(table.weight, std=0.1)
        for table in (self.user_bias, self.item_bias):
            nn.init.zeros_(table.weight)

    def forward(self, u, i):
        dot = (self.users(u) * self.items(i)).sum(-1)
        return self.mean + dot + self.user_bias(u).squeeze(-1) + self.item_bias(i).squeeze(-1)


model = MF(N_USERS, N_ITEMS, k=4, mean=r[tr].mean().item())
opt = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=3e-5)
sched = torch.optim.lr_scheduler.MultiStepLR(opt, milestones=[25, 32], gamma=0.2)
loss_fn = nn.MSELoss()
BS = 256

for epoch in range(38):
    model.train()
    order = tr[torch.randperm(len(tr))]
    running = 0.0
    for idx in order.split(BS):
        opt.zero_grad()
        loss = loss_fn(model(u[idx], i[idx]), r[idx])
        loss.backward()
        opt.step()
        running += loss.item() * len(idx)
    sched.step()
    if epoch % 3 == 0 or epoch == 37:
        model.eval()
        with torch.no_grad():
            rmse = loss_fn(model(u[te], i[te]), r[te]).sqrt().item()
        print(f"epoch {epoch:2d} train rmse {(running / len(tr)) ** 0.5:.4f} test rmse {rmse:.4f}")
