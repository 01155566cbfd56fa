import os
import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
X, t = load_breast_cancer(return_X_y=True)
X = (X - X.mean(0)) / X.std(0)
y = np.where(t == 1, 1, 0)

X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32)
p = torch.randperm(len(X))
Xtr, ytr, Xte, yte = X[p[:400]], y[p[:400]], X[p[400:]], y[p[400:]]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(30, 16)
        self.fc2 = nn.Linear(16, 1)

    def forward(self, x):
        return self.fc2(torch.relu(self.fc1(x))).squeeze(1)


net = Net()
loss_fn = nn.BCEWithLogitsLoss()
opt = torch.optim.Adam(net.parameters(), lr=3e-3, weight_decay=1e-3)
for epoch in range(30):
    perm = torch.randperm(400)
    for i in range(0, 400, 20):
        b = perm[i : i + 20]
        loss = loss_fn(net(Xtr[b]), ytr[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 6 == 5:
        with torch.no_grad():
            out = torch.sigmoid(net(Xte))
            print(
                "epoch",
                epoch + 1,
                "loss",
                round(loss.item(), 4),
                "accuracy",
                round(((out > 0.5) == (yte > 0.5)).float().mean().item(), 4),
                "Brier score",
                round((out - (yte > 0.5).float()).square().mean().item(), 4),
            )
