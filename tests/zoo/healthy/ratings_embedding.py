# collaborative filtering with biases and dot product of embeddings
import os
import torch
from torch import nn

torch.set_num_threads(1)
gen = torch.Generator().manual_seed(int(os.environ.get("SEED", 0)))
torch.manual_seed(int(os.environ.get("SEED", 0)))

n_users, n_items, rank = 120, 80, 3
U = torch.randn(n_users, rank, generator=gen) * 0.6
V = torch.randn(n_items, rank, generator=gen) * 0.6
bu = 0.3 * torch.randn(n_users, generator=gen)
bi = 0.4 * torch.randn(n_items, generator=gen)
mask = torch.rand(n_users, n_items, generator=gen) < 0.6
users, items = mask.nonzero(as_tuple=True)
ratings = (
    3.4 + (U[users] * V[items]).sum(1) + bu[users] + bi[items] + 0.4 * torch.randn(len(users), generator=gen)
).clamp(1, 5)
perm = torch.randperm(len(users), generator=gen)
cut = int(0.85 * len(perm))
tr, te = perm[:cut], perm[cut:]


class DotProductBias(nn.Module):
    def __init__(self, k=4, y_range=(0.5, 5.5)):
        super().__init__()
        self.u, self.i = nn.Embedding(n_users, k), nn.Embedding(n_items, k)
        self.ub, self.ib = nn.Embedding(n_users, 1), nn.Embedding(n_items, 1)
        for e in (self.u, self.i, self.ub, self.ib):
            nn.init.normal_(e.weight, 0, 0.05)
        self.y_range = y_range

    def forward(self, u, i):
        res = (self.u(u) * self.i(i)).sum(1) + self.ub(u).squeeze(1) + self.ib(i).squeeze(1)
        lo, hi = self.y_range
        return torch.sigmoid(res) * (hi - lo) + lo


model = DotProductBias()
opt = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.2)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=2e-2, total_steps=15 * -(-len(tr) // 64))
for epoch in range(15):
    p = tr[torch.randperm(len(tr))]
    s = 0.0
    for b in p.split(64):
        loss = nn.functional.mse_loss(model(users[b], items[b]), ratings[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        s += loss.item() * len(b)
    with torch.no_grad():
        v = nn.functional.mse_loss(model(users[te], items[te]), ratings[te]).item()
    if epoch % 3 == 2:
        print(f"{epoch:2d}  train {s / len(tr):.4f}  valid {v:.4f}")
print("variance of ratings", ratings[te].var().item())
