import os

import numpy as np
import torch
from sklearn.model_selection import KFold
from torch import nn

seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)
X = rng.normal(size=(2400, 8))
latent = X[:, 0] + np.sin(1.5 * X[:, 1]) + 0.5 * X[:, 2] * X[:, 3] + 0.4 * rng.normal(size=2400)
grade = np.digitize(latent, np.quantile(latent, [0.2, 0.4, 0.6, 0.8]))


class Ordinal(nn.Module):
    """One score, four ordered thresholds."""

    def __init__(self):
        super().__init__()
        self.score = nn.Sequential(nn.Linear(8, 32), nn.SiLU(), nn.Dropout(0.1), nn.Linear(32, 1, bias=False))
        self.first = nn.Parameter(torch.tensor(-1.5))
        self.gaps = nn.Parameter(torch.zeros(3))

    def forward(self, x):
        cuts = torch.cat([self.first[None], self.first + nn.functional.softplus(self.gaps).cumsum(0)])
        return self.score(x) - cuts


errors = []
for fold, (a, b) in enumerate(KFold(4, shuffle=True, random_state=seed).split(X)):
    mean, std = X[a].mean(0), X[a].std(0)
    xa, xb = (torch.tensor((X[i] - mean) / std, dtype=torch.float32) for i in (a, b))
    ga, gb = torch.tensor(grade[a]), torch.tensor(grade[b])
    ya, yb = ((g[:, None] > torch.arange(4)).float() for g in (ga, gb))
    model = Ordinal()
    opt = torch.optim.Adam(model.parameters(), lr=5e-3, weight_decay=1e-4)
    sched = torch.optim.lr_scheduler.StepLR(opt, 10, 0.3)
    bce = nn.BCEWithLogitsLoss()
    for epoch in range(25):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(xa)).split(60):
            opt.zero_grad()
            loss = bce(model(xa[idx]), ya[idx])
            loss.backward()
            opt.step()
            total += loss.item() * len(idx) / len(xa)
        sched.step()
    model.eval()
    with torch.no_grad():
        out = model(xb)
    errors.append(((out > 0).sum(1) - gb).abs().float().mean().item())
    print(f"fold {fold} train {total:.4f} val {bce(out, yb):.4f} mean absolute error {errors[-1]:.4f}")
print(f"grade error {np.mean(errors):.4f}")
