"""Customer segments with R-Drop: every batch goes through the net twice with different dropout masks."""

import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)


class SegmentNet(nn.Module):
    def __init__(self, d_in, classes, width=48, p=0.1):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(d_in, width),
            nn.LayerNorm(width),
            nn.ReLU(),
            nn.Dropout(p),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Dropout(p),
            nn.Linear(width, classes),
        )

    def forward(self, x):
        return self.net(x)


class RDropStep:
    def __init__(self, model, optimizer, weight=0.5):
        self.model, self.optimizer, self.weight = model, optimizer, weight

    def __call__(self, x, y):
        a, b = self.model(x), self.model(x)
        ce = 0.5 * (F.cross_entropy(a, y) + F.cross_entropy(b, y))
        la, lb = F.log_softmax(a, -1), F.log_softmax(b, -1)
        kl = 0.5 * (
            F.kl_div(la, lb, log_target=True, reduction="batchmean")
            + F.kl_div(lb, la, log_target=True, reduction="batchmean")
        )
        loss = ce + self.weight * kl
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return ce.item(), kl.item()


X, y = make_classification(
    6000,
    12,
    n_informative=8,
    n_redundant=2,
    n_classes=4,
    n_clusters_per_class=1,
    class_sep=2.0,
    flip_y=0.0,
    random_state=3,
)
Xa, Xb, ya, yb = train_test_split(X, y, test_size=0.25, random_state=SEED)
scaler = StandardScaler().fit(Xa)
Xa, Xb = (torch.tensor(scaler.transform(v), dtype=torch.float32) for v in (Xa, Xb))
ya, yb = torch.tensor(ya), torch.tensor(yb)

model = SegmentNet(12, 4)
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-3)
step = RDropStep(model, optimizer)
epochs = 12
sched = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    model.train()
    logs = [step(Xa[i], ya[i]) for i in torch.randperm(len(Xa)).split(64)]
    sched.step()
    model.eval()
    with torch.no_grad():
        out = model(Xb)
    ce, kl = np.mean(logs, axis=0)
    print(
        f"epoch {epoch} ce {ce:.4f} kl {kl:.4f} val {F.cross_entropy(out, yb).item():.4f} "
        f"acc {(out.argmax(1) == yb).float().mean().item():.4f}"
    )
