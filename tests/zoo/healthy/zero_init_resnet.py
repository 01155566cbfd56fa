import os
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


class Residual(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.norm, self.a, self.b = nn.LayerNorm(d), nn.Linear(d, d), nn.Linear(d, d)
        nn.init.zeros_(self.b.weight)
        nn.init.zeros_(self.b.bias)

    def forward(self, x):
        return x + self.b(torch.relu(self.a(self.norm(x))))


def make(depth=10, d=32):
    net = nn.Sequential(nn.Linear(64, d), *[Residual(d) for _ in range(depth)], nn.LayerNorm(d), nn.Linear(d, 10))
    nn.init.zeros_(net[-1].weight)
    return net


X, y = load_digits(return_X_y=True)
X, y = torch.tensor((X - X.mean()) / X.std()).float(), torch.tensor(y)
perm = torch.randperm(len(X))
tr, te = perm[:1300], perm[1300:]
net = make()
decay = [p for p in net.parameters() if p.ndim > 1]
other = [p for p in net.parameters() if p.ndim == 1]
opt = torch.optim.AdamW([{"params": decay, "weight_decay": 0.1}, {"params": other, "weight_decay": 0.0}], lr=2e-3)
n = 260
warm = torch.optim.lr_scheduler.LinearLR(opt, 0.05, 1.0, 20)
cool = torch.optim.lr_scheduler.CosineAnnealingLR(opt, n - 20)
sched = torch.optim.lr_scheduler.SequentialLR(opt, [warm, cool], [20])
for it in range(n):
    b = tr[torch.randint(len(tr), (64,))]
    xb = X[b] + 0.2 * torch.randn(64, 64)
    loss = nn.functional.cross_entropy(net(xb), y[b], label_smoothing=0.05)
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    if it % 52 == 0:
        print(it, loss.item())
with torch.no_grad():
    print("test accuracy", (net(X[te]).argmax(1) == y[te]).float().mean().item())
