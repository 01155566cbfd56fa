"""Card fraud from sixteen transaction features."""

import os
import torch
from sklearn.datasets import make_classification
from sklearn.metrics import accuracy_score, f1_score, recall_score
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
s = int(os.environ.get("SEED", 0))
torch.manual_seed(s)
X, y = make_classification(
    6000, 16, n_informative=6, weights=[0.98], class_sep=0.9, flip_y=0.0, n_clusters_per_class=1, random_state=7
)
X = torch.tensor((X - X.mean(0)) / X.std(0)).float()
y = torch.tensor(y).float()
perm = torch.randperm(6000, generator=torch.Generator().manual_seed(s))
tr, te = perm[:4500], perm[4500:]
weight = (y[tr] == 0).sum() / y[tr].sum()


class FraudNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 1))

    def forward(self, x):
        return self.layers(x).squeeze(-1)


net = FraudNet()
crit = nn.BCEWithLogitsLoss(pos_weight=weight)
opt = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=1e-3)
for epoch in range(10):
    net.train()
    run = 0
    for xb, yb in DataLoader(TensorDataset(X[tr], y[tr]), batch_size=64, shuffle=True):
        opt.zero_grad()
        loss = crit(net(xb), yb)
        loss.backward()
        opt.step()
        run += loss.item()
    print(f"epoch {epoch} loss {run / 71:.4f}")
net.eval()
with torch.no_grad():
    pred = (net(X[te]) > 0).int()
print("accuracy", accuracy_score(y[te].int(), pred), "f1", f1_score(y[te].int(), pred))
print("recall", recall_score(y[te].int(), pred))
