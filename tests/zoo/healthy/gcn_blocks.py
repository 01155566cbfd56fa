"""Semi-supervised node classification: graph convolution on a stochastic block model."""

import os
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)) + 3)

N, C, FEATS = 240, 4, 16
label = torch.arange(N) % C
P = torch.where(label[:, None] == label[None], 0.10, 0.02)
A = (torch.rand(N, N) < P).float().triu(1)
A = A + A.T + torch.eye(N)
d = A.sum(1).rsqrt()
A_hat = d[:, None] * A * d[None]
centers = torch.randn(C, FEATS)
X = 0.7 * centers[label] + 1.5 * torch.randn(N, FEATS)
perm = torch.randperm(N)
train_mask, val_mask = perm[:100], perm[100:]


class GraphConvolution(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(i, o))
        self.bias = nn.Parameter(torch.zeros(o))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x, adj):
        return adj @ (x @ self.weight) + self.bias


class GCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.gc1 = GraphConvolution(FEATS, 12)
        self.gc2 = GraphConvolution(12, C)

    def forward(self, x, adj):
        x = F.dropout(F.relu(self.gc1(x, adj)), 0.5, training=self.training)
        return self.gc2(x, adj)


model = GCN()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=1e-2)
for epoch in range(160):
    model.train()
    optimizer.zero_grad()
    out = model(X, A_hat)
    loss = F.cross_entropy(out[train_mask], label[train_mask])
    loss.backward()
    optimizer.step()
    if epoch % 40 == 39:
        model.eval()
        with torch.no_grad():
            out = model(X, A_hat)
            val = F.cross_entropy(out[val_mask], label[val_mask])
            acc = (out[val_mask].argmax(1) == label[val_mask]).float().mean()
        print(
            "Epoch: {:03d} loss_train: {:.4f} loss_val: {:.4f} acc_val: {:.4f}".format(epoch + 1, loss.item(), val, acc)
        )
