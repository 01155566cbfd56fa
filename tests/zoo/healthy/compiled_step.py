import os
import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
data = load_breast_cancer()
X = torch.tensor(data.data).float()
y = torch.tensor(data.target)
perm = torch.randperm(len(X))
X, y = X[perm], y[perm]
m, s = X[:420].mean(0), X[:420].std(0)
X = (X - m) / s


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.inp = nn.Linear(30, 24)
        self.mid = nn.Linear(24, 24)
        self.out = nn.Linear(24, 2)

    def forward(self, x):
        x = F.gelu(self.inp(x))
        x = x + F.gelu(self.mid(F.dropout(x, 0.3, self.training)))
        return self.out(x)


model = MLP()
fast = torch.compile(model, backend="eager")
opt = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)
for epoch in range(25):
    fast.train()
    for b in torch.randperm(420).split(30):
        opt.zero_grad()
        loss = F.cross_entropy(fast(X[b]), y[b])
        loss.backward()
        opt.step()
fast.eval()
with torch.no_grad():
    a, v = fast(X[:420]), fast(X[420:])
print(
    "train loss %.4f  test loss %.4f  test accuracy %.4f"
    % (F.cross_entropy(a, y[:420]), F.cross_entropy(v, y[420:]), (v.argmax(1) == y[420:]).float().mean())
)
