# Re-implementing Nesterov SGD as a torch.optim.Optimizer (optimisation course, sheet 3)
import os
import torch
from torch import nn
from torch.optim.optimizer import Optimizer
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


class MyNesterov(Optimizer):
    def __init__(self, params, lr=0.01, mu=0.9, weight_decay=0.0):
        super().__init__(params, dict(lr=lr, mu=mu, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                g = p.grad
                if group["weight_decay"]:
                    g = g + group["weight_decay"] * p
                state = self.state[p]
                if "v" not in state:
                    state["v"] = torch.zeros_like(p)
                v = state["v"]
                v.mul_(group["mu"]).add_(g)
                direction = g + group["mu"] * v
                p.add_(direction, alpha=-group["lr"])


X, y = load_wine(return_X_y=True)
Xtr, Xte, ytr, yte = train_test_split(X, y, test_size=0.3, stratify=y, random_state=SEED)
scaler = StandardScaler()
Xtr = torch.tensor(scaler.fit_transform(Xtr), dtype=torch.float32)
Xte = torch.tensor(scaler.transform(Xte), dtype=torch.float32)
ytr, yte = torch.tensor(ytr), torch.tensor(yte)

net = nn.Sequential(nn.Linear(13, 24), nn.Tanh(), nn.Linear(24, 3))
opt = MyNesterov(net.parameters(), lr=0.015, mu=0.9, weight_decay=1e-2)
criterion = nn.CrossEntropyLoss()

for epoch in range(1, 101):
    perm = torch.randperm(len(Xtr))
    for k in range(0, len(perm), 16):
        idx = perm[k : k + 16]
        loss = criterion(net(Xtr[idx]), ytr[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 10 == 0 or epoch == 1:
        with torch.no_grad():
            train_loss = criterion(net(Xtr), ytr).item()
            acc = (net(Xte).argmax(1) == yte).float().mean().item()
        print(f"epoch {epoch:3d} train loss {train_loss:.4f} test acc {acc:.3f}")
