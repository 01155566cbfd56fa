import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))


class SAM(torch.optim.Optimizer):
    """Climb to the worst point within rho, take the gradient there, step from where we were."""

    def __init__(self, params, base, rho=0.05, **kwargs):
        super().__init__(params, dict(rho=rho, **kwargs))
        self.base = base(self.param_groups, **kwargs)

    @torch.no_grad()
    def climb(self):
        grads = [p.grad.norm() for g in self.param_groups for p in g["params"]]
        norm = torch.stack(grads).norm() + 1e-12
        for group in self.param_groups:
            for p in group["params"]:
                e = p.grad * (group["rho"] / norm)
                p.add_(e)
                self.state[p]["e"] = e
        self.zero_grad()

    @torch.no_grad()
    def descend(self):
        for group in self.param_groups:
            for p in group["params"]:
                p.sub_(self.state[p]["e"])
        self.base.step()
        self.zero_grad()


digits = load_digits()
x = torch.tensor(digits.images, dtype=torch.float32)[:, None]
y = torch.tensor(digits.target)
perm = torch.randperm(len(x))
tr, te = perm[:1400], perm[1400:]
x = (x - x[tr].mean()) / x[tr].std()
model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1),
    nn.ReLU(),
    nn.Flatten(),
    nn.Dropout(0.2),
    nn.Linear(512, 10),
)
opt = SAM(model.parameters(), torch.optim.SGD, rho=0.05, lr=0.03, momentum=0.9)
for epoch in range(10):
    model.train()
    total = 0.0
    for idx in tr[torch.randperm(len(tr))].split(40):
        loss = F.cross_entropy(model(x[idx]), y[idx])
        loss.backward()
        opt.climb()
        F.cross_entropy(model(x[idx]), y[idx]).backward()
        opt.descend()
        total += loss.item() / 35
    model.eval()
    with torch.no_grad():
        out = model(x[te])
    acc = (out.argmax(1) == y[te]).float().mean()
    print(f"epoch {epoch + 1} loss {total:.4f} val {F.cross_entropy(out, y[te]):.4f} acc {acc:.4f}")
