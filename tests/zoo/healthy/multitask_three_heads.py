"""One trunk, three heads (class, regression, two labels) with learned task weights (Kendall et al.)."""

import os
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)


def draw(n, size=16):
    """a square, a disc or a cross of random size and place; area, and whether it is left / above the middle"""
    imgs = np.zeros((n, 1, size, size), np.float32)
    yy, xx = np.mgrid[:size, :size]
    kind = rng.integers(0, 3, n)
    area, where = np.zeros(n), np.zeros((n, 2))
    for k in range(n):
        r = rng.integers(2, 6)
        cx, cy = rng.integers(r, size - r, 2)
        if kind[k] == 0:
            m = (abs(xx - cx) <= r) & (abs(yy - cy) <= r)
        elif kind[k] == 1:
            m = (xx - cx) ** 2 + (yy - cy) ** 2 <= r * r
        else:
            m = ((abs(xx - cx) <= r) & (yy == cy)) | ((abs(yy - cy) <= r) & (xx == cx))
        imgs[k, 0] = m + 0.15 * rng.standard_normal((size, size))
        area[k] = m.sum()
        where[k] = cx < size / 2, cy < size / 2
    return ((imgs - 0.2) / 0.4).astype(np.float32), kind, area.astype(np.float32), where.astype(np.float32)


class MultiTask(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(24 * 16, 48),
            nn.ReLU(),
        )
        self.kind = nn.Linear(48, 3)
        self.area = nn.Linear(48, 1)
        self.where = nn.Linear(48, 2)
        self.log_var = nn.Parameter(torch.zeros(3))

    def forward(self, x):
        h = self.trunk(x)
        return self.kind(h), self.area(h).squeeze(1), self.where(h)

    def losses(self, x, kind, area, where):
        k, a, w = self(x)
        return torch.stack(
            [F.cross_entropy(k, kind), F.mse_loss(a, area), F.binary_cross_entropy_with_logits(w, where)]
        )

    def total(self, parts):
        return (torch.exp(-self.log_var) * parts + 0.5 * self.log_var).sum()


x, kind, area, where = draw(2000)
xt, kind_t, area_t, where_t = draw(400)
m, s = area.mean(), area.std()
to = lambda *arrays: [torch.from_numpy(a) for a in arrays]
train = TensorDataset(*to(x, kind, (area - m) / s, where))
xt, kind_t, area_t, where_t = to(xt, kind_t, (area_t - m) / s, where_t)
loader = DataLoader(train, batch_size=40, shuffle=True)

net = MultiTask()
opt = torch.optim.Adam(
    [
        {"params": [p for n, p in net.named_parameters() if n != "log_var"], "weight_decay": 1e-5},
        {"params": [net.log_var], "lr": 5e-3},
    ],
    lr=2e-3,
)
epochs = 14
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)

for epoch in range(epochs):
    net.train()
    seen = torch.zeros(3)
    for batch in loader:
        parts = net.losses(*batch)
        opt.zero_grad()
        net.total(parts).backward()
        opt.step()
        seen += parts.detach()
    sched.step()
    net.eval()
    with torch.no_grad():
        k, a, w = net(xt)
        acc = (k.argmax(1) == kind_t).float().mean().item()
        r2 = 1 - ((a - area_t) ** 2).mean().item() / area_t.var().item()
        pos = ((w > 0) == (where_t > 0.5)).float().mean().item()
    print(
        f"epoch {epoch:2d} losses {[round(v, 4) for v in (seen / len(loader)).tolist()]} kind {acc:.3f} area R2 {r2:.3f} "
        f"where {pos:.3f} weights {[round(v, 2) for v in torch.exp(-net.log_var).tolist()]}"
    )
