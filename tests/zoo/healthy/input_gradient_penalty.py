"""Digits with an input-gradient penalty and label smoothing; accuracy under noise is the figure of interest."""

import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)

EPOCHS, BATCH, LAMBDA = 24, 64, 0.3

x, y = load_digits(return_X_y=True)
x = (x - x.mean()) / x.std()
xtr, xte, ytr, yte = train_test_split(x.astype(np.float32), y, test_size=0.3, stratify=y, random_state=SEED)
xtr, xte, ytr, yte = map(torch.from_numpy, (xtr, xte, ytr, yte))


def smooth_penalty(model, xb, yb):
    xb = xb.clone().requires_grad_(True)
    out = model(xb)
    ce = F.cross_entropy(out, yb, label_smoothing=0.1)
    picked = out.gather(1, yb[:, None]).sum()
    (g,) = torch.autograd.grad(picked, xb, create_graph=True)
    return ce, g.pow(2).sum(1).mean()


model = nn.Sequential(nn.Linear(64, 64), nn.Softplus(beta=5), nn.Linear(64, 64), nn.Softplus(beta=5), nn.Linear(64, 10))
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS)

for epoch in range(EPOCHS):
    model.train()
    ces, gps = [], []
    for idx in torch.randperm(len(xtr)).split(BATCH):
        ce, gp = smooth_penalty(model, xtr[idx], ytr[idx])
        loss = ce + LAMBDA * gp
        opt.zero_grad()
        loss.backward()
        opt.step()
        ces.append(ce.item())
        gps.append(gp.item())
    sched.step()
    if epoch % 4 == 3:
        model.eval()
        with torch.no_grad():
            clean = (model(xte).argmax(1) == yte).float().mean().item()
            noisy = (model(xte + 0.5 * torch.randn_like(xte)).argmax(1) == yte).float().mean().item()
        print(f"epoch {epoch + 1} ce {np.mean(ces):.4f} gp {np.mean(gps):.4f} clean {clean:.4f} noisy {noisy:.4f}")
