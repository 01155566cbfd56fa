import os
import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
n = 100
ent = [(a, b) for a in range(10) for b in range(10)]
idx = {e: i for i, e in enumerate(ent)}
tri = []
for (a, b), i in idx.items():
    tri += [(i, 0, idx[((a + 1) % 10, b)]), (i, 1, idx[(a, (b + 1) % 10)]), (i, 2, idx[((a + 1) % 10, (b + 1) % 10)])]
tri = torch.tensor(tri)[torch.randperm(len(tri))]
train, test = tri[:270], tri[270:]
E, R = nn.Embedding(n, 32, sparse=True), nn.Embedding(3, 32)
nn.init.uniform_(E.weight, -0.2, 0.2)
opts = [torch.optim.SparseAdam(E.parameters(), 1e-2), torch.optim.Adam(R.parameters(), 1e-2)]
crit = nn.MarginRankingLoss(margin=1.0)
score = lambda h, r, t: -(E(h) + R(r) - E(t)).norm(dim=-1)
for epoch in range(150):
    tot = 0
    for b in train[torch.randperm(len(train))].split(30):
        h, r, t = b.T
        neg = torch.randint(n, (len(b),))
        pos, ng = score(h, r, t), score(h, r, neg)
        loss = crit(pos, ng, torch.ones(len(b)))
        for o in opts:
            o.zero_grad()
        loss.backward()
        for o in opts:
            o.step()
        tot += loss.item()
    if epoch % 30 == 29:
        with torch.no_grad():
            h, r, t = test.T
            s = -(E(h)[:, None] + R(r)[:, None] - E.weight[None]).norm(dim=-1)
            rank = (s > s.gather(1, t[:, None])).sum(1)
            print(epoch, tot, "hits@10", (rank < 10).float().mean().item())
