import os
import torch
from sklearn.datasets import load_breast_cancer
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
X, y = load_breast_cancer(return_X_y=True)
X, y = torch.tensor((X - X.mean(0)) / X.std(0)).float(), torch.tensor(y).float()
p = torch.randperm(569)
X, y = X[p], y[p]
net = nn.Sequential(nn.Linear(30, 20), nn.ReLU(), nn.Linear(20, 1))
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
l1_lambda = 0.0005
for epoch in range(30):
    for b in torch.randperm(420).split(21):
        bce = nn.functional.binary_cross_entropy_with_logits(net(X[b]).flatten(), y[b])
        penalty = sum(w.abs().sum() for n, w in net.named_parameters() if n.endswith("weight"))
        loss = bce + l1_lambda * penalty
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 6 == 5:
        with torch.no_grad():
            out = net(X[420:]).flatten()
            print(
                f"epoch {epoch + 1} bce {bce.item():.4f} total {loss.item():.4f} test bce {nn.functional.binary_cross_entropy_with_logits(out, y[420:]):.4f}"
                f" acc {((out > 0) == (y[420:] > 0.5)).float().mean():.4f}"
            )
