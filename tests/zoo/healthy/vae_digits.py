import argparse
import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits


class VAE(nn.Module):
    def __init__(self, z=6, h=64):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(64, h), nn.ReLU())
        self.mu, self.logvar = nn.Linear(h, z), nn.Linear(h, z)
        self.dec = nn.Sequential(nn.Linear(z, h), nn.ReLU(), nn.Linear(h, 64))

    def forward(self, x):
        h = self.enc(x)
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.randn_like(mu) * (0.5 * logvar).exp()
        return self.dec(z), mu, logvar


def terms(model, x):
    out, mu, logvar = model(x)
    rec = F.binary_cross_entropy_with_logits(out, x, reduction="none").sum(1).mean()
    kl = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum(1).mean()
    return rec, kl


ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=os.environ.get("SEED", "0"))
torch.manual_seed(ap.parse_args().seed)
torch.set_num_threads(1)
x = torch.tensor(load_digits().data / 16, dtype=torch.float32)
x = x[torch.randperm(len(x))]
train, val = x[:1500], x[1500:]
model = VAE()
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 40)
for epoch in range(40):
    beta = min(1.0, 0.2 + epoch / 10)
    total = 0.0
    for b in torch.randperm(1500).split(60):
        rec, kl = terms(model, train[b])
        loss = rec + beta * kl
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / 25
    sched.step()
    if epoch % 8 == 7:
        with torch.no_grad():
            r, k = terms(model, val)
        print(f"epoch {epoch + 1}: loss {total:.3f}, val rec {r:.3f}, kl {k:.3f}, val elbo {r + k:.3f}")
