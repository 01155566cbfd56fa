"""GCN on a planted-partition graph; sparse adjacency, full batch, few labels."""
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(15)
N, K = 1200, 5
y = torch.arange(N) % K
prob = torch.where(y[:, None] == y[None], 0.03, 0.004)
up = torch.triu(torch.rand(N, N) < prob, 1)
A = (up | up.T).float() + torch.eye(N)
d = A.sum(1).rsqrt()
A = (d[:, None] * A * d).to_sparse()
X = torch.randn(N, 24) + 0.5 * torch.randn(K, 24)[y]

mask = torch.zeros(N, dtype=torch.bool)
for k in range(K):
    idx = (y == k).nonzero()[:, 0]
    mask[idx[torch.randperm(len(idx))[:20]]] = True


class GCN(nn.Module):
    def __init__(self, d_in, h, k, p=0.5):
        super().__init__()
        self.w1, self.w2, self.p = nn.Linear(d_in, h), nn.Linear(h, k), p

    def forward(self, x):
        x = F.dropout(x, 0.2, self.training)
        x = F.relu(torch.sparse.mm(A, self.w1(x)))
        x = F.dropout(x, self.p, self.training)
        return torch.sparse.mm(A, self.w2(x))


net = GCN(24, 32, K)
opt = torch.optim.Adam([{"params": net.w1.parameters(), "weight_decay": 5e-4}, {"params": net.w2.parameters()}], lr=1e-2)
best = 0.0
for ep in range(1, 201):
    net.train()
    loss = F.nll_loss(F.log_softmax(net(X), -1)[mask], y[mask])
    opt.zero_grad()
    loss.backward()
    opt.step()
    if ep % 25 == 0:
        net.eval()
        with torch.no_grad():
            hit = net(X).argmax(1) == y
        print(f"epoch {ep:3d} loss {loss.item():.4f} labelled acc {hit[mask].float().mean():.3f} "
              f"unlabelled acc {hit[~mask].float().mean():.3f}")
