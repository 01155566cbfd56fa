"""Node classification on a simulated citation network (stochastic block model, weak features)."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(31)
rng = np.random.default_rng(31)
N, K, D = 900, 4, 32
labels = rng.integers(0, K, N)
same = labels[:, None] == labels[None, :]
adj = np.triu(rng.random((N, N)) < np.where(same, 0.035, 0.004), 1)
adj = (adj | adj.T).astype(np.float32)
proto = rng.normal(size=(K, D))
feats = 0.22 * proto[labels] + rng.normal(size=(N, D))

a_hat = torch.tensor(adj) + torch.eye(N)
dinv = a_hat.sum(1).pow(-0.5)
a_hat = dinv[:, None] * a_hat * dinv[None, :]
x = torch.tensor(feats, dtype=torch.float32)
y = torch.tensor(labels)
perm = torch.randperm(N)
train_idx, val_idx = perm[:200], perm[200:]


class GraphConv(nn.Module):
    def __init__(self, d_in, d_out):
        super().__init__()
        self.lin = nn.Linear(d_in, d_out)

    def forward(self, x, a):
        return a @ self.lin(x)


class CitationNet(nn.Module):
    def __init__(self, d, h, k, depth=2):
        super().__init__()
        self.inp = nn.Linear(d, h)
        self.convs = nn.ModuleList(GraphConv(h, h) for _ in range(depth))
        self.out = nn.Linear(h, k)
        self.drop = nn.Dropout(0.3)

    def encode(self, x, a):
        h = F.relu(self.inp(x))
        for conv in self.convs:
            h = h + F.relu(conv(h, a))
        return h

    def forward(self, x, a):
        h = self.encode(self.drop(x), a)
        return self.out(self.drop(h))


net = CitationNet(D, 32, K)
opt = torch.optim.Adam(net.parameters(), lr=5e-3, weight_decay=5e-4)
for epoch in range(1, 151):
    net.train()
    opt.zero_grad()
    loss = F.cross_entropy(net(x, a_hat)[train_idx], y[train_idx])
    loss.backward()
    opt.step()
    if epoch % 30 == 0:
        net.eval()
        with torch.no_grad():
            pred = net(x, a_hat).argmax(1)
        tr = (pred[train_idx] == y[train_idx]).float().mean()
        va = (pred[val_idx] == y[val_idx]).float().mean()
        print(f"epoch {epoch:3d} loss {loss.item():.4f} train acc {tr:.3f} val acc {va:.3f}")
