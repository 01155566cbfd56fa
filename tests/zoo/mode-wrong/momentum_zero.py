"""Batch-normalised network on digits."""

import os
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X).float() / 16, torch.tensor(y)
p = torch.randperm(len(X))
X, y = X[p], y[p]


class BNNet(nn.Module):
    def __init__(self, momentum=0.1):
        super().__init__()
        self.l1, self.n1 = nn.Linear(64, 48), nn.BatchNorm1d(48, momentum=momentum)
        self.l2, self.n2 = nn.Linear(48, 48), nn.BatchNorm1d(48, momentum=momentum)
        self.l3 = nn.Linear(48, 10)

    def forward(self, x):
        x = torch.relu(self.n1(self.l1(x)))
        x = torch.relu(self.n2(self.l2(x)))
        return self.l3(x)


net = BNNet()
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
for epoch in range(15):
    net.train()
    total = 0
    for b in torch.randperm(1400).split(50):
        loss = nn.functional.cross_entropy(net(X[b]), y[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / 28
    net.eval()
    with torch.no_grad():
        out = net(X[1400:])
        v = nn.functional.cross_entropy(out, y[1400:])
    if epoch % 3 == 2:
        print(
            "epoch %d train %.4f test %.4f accuracy %.4f"
            % (epoch + 1, total, v, (out.argmax(1) == y[1400:]).float().mean())
        )
