"""Ordinal regression with shared weights and ranked thresholds (CORAL)."""

import os

import torch
from sklearn.datasets import load_diabetes
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

X, y = load_diabetes(return_X_y=True)
X = torch.as_tensor(X).float() * 21
y = torch.as_tensor(y).float()
grade = torch.bucketize(y, torch.quantile(y, torch.tensor([0.25, 0.5, 0.75])))
levels = (grade[:, None] > torch.arange(3)).float()
idx = torch.randperm(len(X))
tr, te = idx[:330], idx[330:]


class Coral(nn.Module):
    def __init__(self):
        super().__init__()
        self.score = nn.Linear(10, 1, bias=False)
        self.cuts = nn.Parameter(torch.tensor([1.0, 0.0, -1.0]))

    def forward(self, x):
        return self.score(x) + self.cuts


model = Coral()
opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-2)
for epoch in range(50):
    for b in tr[torch.randperm(len(tr))].chunk(10):
        loss = F.binary_cross_entropy_with_logits(model(X[b]), levels[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
    for g in opt.param_groups:
        g["lr"] = 0.05 * (1 - (epoch + 1) / 51)

with torch.no_grad():
    for name, part in (("train", tr), ("test", te)):
        logits = model(X[part])
        pred = (logits > 0).sum(1)
        print(
            name,
            "loss %.4f" % F.binary_cross_entropy_with_logits(logits, levels[part]),
            "mean absolute grade error %.3f" % (pred - grade[part]).abs().float().mean(),
        )
