import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.neighbors import kneighbors_graph

seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

# nodes live in the plane, edges join near neighbours, features are noisy coordinates
n = 1200
pos = rng.uniform(-1, 1, (n, 2))
label = torch.tensor((pos[:, 0] * pos[:, 1] > 0).astype(int))
feats = torch.tensor(pos / pos.std(0) + 0.3 * rng.normal(size=(n, 2)), dtype=torch.float32)
adj = kneighbors_graph(pos, 6).toarray()
adj = np.maximum(adj, adj.T) + np.eye(n)
deg = adj.sum(1)
A = torch.tensor(adj / np.sqrt(deg[:, None] * deg[None]), dtype=torch.float32)
order = rng.permutation(n)
train, test = torch.tensor(order[:800]), torch.tensor(order[800:])


class GraphConv(nn.Module):
    def __init__(self, d_in, d_out):
        super().__init__()
        self.lin = nn.Linear(d_in, d_out)

    def forward(self, h, A):
        return A @ self.lin(h)


class GCN(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.c1 = GraphConv(2, hidden)
        self.c2 = GraphConv(hidden, hidden)
        self.out = nn.Linear(hidden, 2)

    def forward(self, h, A):
        h = F.relu(self.c1(h, A))
        h = F.relu(self.c2(h, A))
        return self.out(h)


gcn = GCN()
optimizer = torch.optim.Adam(gcn.parameters(), lr=0.01)
for step in range(300):
    optimizer.zero_grad()
    loss = F.cross_entropy(gcn(feats, A)[train], label[train])
    loss.backward()
    optimizer.step()
    if step % 30 == 29:
        with torch.no_grad():
            logits = gcn(feats, A)
            acc = (logits[test].argmax(1) == label[test]).float().mean().item()
        print(f"step {step + 1} loss {loss.item():.4f} test nodes {acc:.4f}")
