"""Matrix factorisation with the BPR loss on implicit feedback."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(16)
rng = np.random.default_rng(16)
U, I, K = 300, 200, 4
pu, qi = rng.normal(size=(U, K)), rng.normal(size=(I, K))
logit = 1.3 * pu @ qi.T - 2.5
likes = rng.random((U, I)) < 1 / (1 + np.exp(-logit))
held = likes & (rng.random((U, I)) < 0.2)
train = likes & ~held
users, items = np.nonzero(train)
seen = torch.tensor(train)


class BPR(nn.Module):
    def __init__(self, k=8):
        super().__init__()
        self.u, self.i, self.b = nn.Embedding(U, k), nn.Embedding(I, k), nn.Embedding(I, 1)
        nn.init.normal_(self.u.weight, std=0.1)
        nn.init.normal_(self.i.weight, std=0.1)
        nn.init.zeros_(self.b.weight)

    def score(self, u, i):
        return (self.u(u) * self.i(i)).sum(-1) + self.b(i).squeeze(-1)

    def all_scores(self):
        return self.u.weight @ self.i.weight.T + self.b.weight.T


def auc(scores):
    vals = []
    for u in range(U):
        pos = scores[u, held[u]]
        neg = scores[u, ~likes[u]]
        if len(pos):
            vals.append((pos[:, None] > neg[None]).mean())
    return float(np.mean(vals))


model = BPR()
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
tu, ti = torch.tensor(users), torch.tensor(items)
print(f"{len(tu)} interactions; AUC of the true preferences {auc(logit):.3f}")
for ep in range(1, 26):
    tot, nb = 0.0, 0
    for idx in torch.randperm(len(tu)).split(512):
        u, pos = tu[idx], ti[idx]
        neg = torch.randint(0, I, pos.shape)
        ok = ~seen[u, neg]
        u, pos, neg = u[ok], pos[ok], neg[ok]
        reg = model.u(u).pow(2).sum(1).mean() + model.i(pos).pow(2).sum(1).mean() + model.i(neg).pow(2).sum(1).mean()
        loss = -F.logsigmoid(model.score(u, pos) - model.score(u, neg)).mean() + 0.01 * reg
        opt.zero_grad()
        loss.backward()
        opt.step()
        tot, nb = tot + loss.item(), nb + 1
    if ep % 5 == 0:
        with torch.no_grad():
            s = model.all_scores().numpy()
        print(f"epoch {ep} bpr {tot / nb:.4f} held-out AUC {auc(s):.3f}")
