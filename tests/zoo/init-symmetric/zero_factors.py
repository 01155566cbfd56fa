# recommender: ratings = user vector . item vector + biases
import os
import torch
from torch import nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
nu, ni, k = 100, 80, 4
R = torch.randn(nu, k) @ torch.randn(k, ni) / 2 + 0.5 * torch.randn(nu, 1) + 0.5 * torch.randn(1, ni) + 3.5
u, i = (torch.rand(nu, ni) < 0.7).nonzero(as_tuple=True)
r = R[u, i] + 0.2 * torch.randn(len(u))
p = torch.randperm(len(u))
n = int(0.9 * len(p))


class MF(nn.Module):
    def __init__(self):
        super().__init__()
        self.p, self.q = nn.Embedding(nu, k), nn.Embedding(ni, k)
        self.bu, self.bi = nn.Embedding(nu, 1), nn.Embedding(ni, 1)
        self.mu = nn.Parameter(torch.tensor(3.5))
        for e in (self.p, self.q, self.bu, self.bi):
            e.weight.data.normal_(0, 0.1)

    def forward(self, a, b):
        return self.mu + self.bu(a).squeeze(1) + self.bi(b).squeeze(1) + (self.p(a) * self.q(b)).sum(1)


mf = MF()
opt = torch.optim.Adam(mf.parameters(), lr=1e-2, weight_decay=1e-5)
for epoch in range(14):
    for c in p[:n][torch.randperm(n)].split(64):
        loss = (mf(u[c], i[c]) - r[c]).square().mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        t = p[n:]
        if epoch % 2:
            print(
                f"epoch {epoch + 1} train {loss.item():.4f} test rmse {(mf(u[t], i[t]) - r[t]).square().mean().sqrt():.4f}"
            )
