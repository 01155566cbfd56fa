"""The 11-bit boolean multiplexer: three address bits choose one of eight data bits.  Inputs are 0/1."""

import os

import numpy as np
import torch
import torch.nn.functional as F
from mlxtend.data import make_multiplexer_dataset
from torch import nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

X, y = make_multiplexer_dataset(
    address_bits=3, sample_size=5000, positive_class_ratio=0.5, shuffle=True, random_seed=SEED
)
_, first = np.unique(X, axis=0, return_index=True)
pick = np.random.default_rng(SEED).permutation(first)
X, y = torch.tensor(X[pick], dtype=torch.float32), torch.tensor(y[pick], dtype=torch.long)
n_test = len(X) // 5
X_test, y_test, X_train, y_train = X[:n_test], y[:n_test], X[n_test:], y[n_test:]
print(f"{len(X_train)} different bit strings to learn from, {n_test} held out")


class Gate(nn.Module):
    def __init__(self, hidden=96):
        super().__init__()
        self.fc1 = nn.Linear(11, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.fc3 = nn.Linear(hidden, 2)

    def forward(self, x):
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


net = Gate()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
sched = torch.optim.lr_scheduler.MultiStepLR(opt, [18, 26], gamma=0.2)
for epoch in range(30):
    net.train()
    running = 0.0
    for idx in torch.randperm(len(X_train)).split(64):
        loss = F.cross_entropy(net(X_train[idx]), y_train[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        running += loss.item() * len(idx)
    sched.step()
    if epoch % 3 == 2:
        net.eval()
        with torch.no_grad():
            out = net(X_test)
        print(
            f"epoch {epoch + 1} loss {running / len(X_train):.4f} test loss {F.cross_entropy(out, y_test):.4f} "
            f"acc {(out.argmax(1) == y_test).float().mean():.3f}"
        )
