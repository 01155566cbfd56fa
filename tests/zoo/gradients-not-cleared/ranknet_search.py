"""RankNet on synthetic search queries, pairwise logistic loss."""

import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = int(os.environ.get("SEED", 0))
rng = np.random.RandomState(SEED)
torch.manual_seed(SEED)

N_QUERIES, DOCS, FEATURES = 600, 12, 18


def make_queries():
    x = rng.randn(N_QUERIES, DOCS, FEATURES)
    score = x[..., 0] + np.tanh(2 * x[..., 1]) + 0.8 * np.abs(x[..., 2]) - 0.7 * x[..., 3] * (x[..., 4] > 0)
    score = score + 0.3 * rng.randn(N_QUERIES, DOCS)
    rel = np.digitize(score, np.quantile(score, [0.5, 0.75, 0.9, 0.97]))
    return torch.tensor(x, dtype=torch.float32), torch.tensor(rel, dtype=torch.float32)


def ndcg(scores, rel, k=5):
    gain = 2**rel - 1
    discount = 1 / torch.log2(torch.arange(k, dtype=torch.float32) + 2)
    order = scores.argsort(1, descending=True)[:, :k]
    dcg = (gain.gather(1, order) * discount).sum(1)
    best = (gain.sort(1, descending=True).values[:, :k] * discount).sum(1)
    keep = best > 0
    return (dcg[keep] / best[keep]).mean().item()


def pairwise_loss(scores, rel):
    diff = scores.unsqueeze(2) - scores.unsqueeze(1)
    better = (rel.unsqueeze(2) > rel.unsqueeze(1)).float()
    return (F.softplus(-diff) * better).sum() / better.sum().clamp(min=1)


class RankNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(FEATURES, 32),
            nn.ReLU(),
            nn.Linear(32, 16),
            nn.ReLU(),
            nn.Linear(16, 1),
        )

    def forward(self, x):
        return self.net(x).squeeze(-1)


x, rel = make_queries()
train, valid = slice(0, 480), slice(480, None)
x_tr, rel_tr = x[train], rel[train]
x_va, rel_va = x[valid], rel[valid]

ranker = RankNet()
optimizer = torch.optim.SGD(ranker.parameters(), lr=0.1, weight_decay=1e-3)
epochs = 40
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [20, 30], gamma=0.2)
for epoch in range(epochs):
    order = torch.randperm(len(x_tr))
    total = 0.0
    for batch in order.chunk(60):
        optimizer.zero_grad()
        loss = pairwise_loss(ranker(x_tr[batch]), rel_tr[batch])
        loss.backward()
        optimizer.step()
        total += loss.item()
    scheduler.step()
    if (epoch + 1) % 5 == 0:
        with torch.no_grad():
            s = ranker(x_va)
            print(
                f"epoch {epoch + 1:3d} loss {total / 60:.4f} valid loss {pairwise_loss(s, rel_va):.4f} ndcg@5 {ndcg(s, rel_va):.4f}"
            )
