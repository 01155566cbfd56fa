"""Small VAE on 8x8 digits; prints both terms of the bound and how much the latent code matters."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(2)
X = torch.tensor(load_digits().data, dtype=torch.float32) / 16
train, test = X[:1500], X[1500:]


class VAE(nn.Module):
    def __init__(self, z=8, h=128):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(64, h), nn.SiLU(), nn.Linear(h, h), nn.SiLU(), nn.Linear(h, 2 * z))
        self.dec = nn.Sequential(nn.Linear(z, h), nn.SiLU(), nn.Linear(h, h), nn.SiLU(), nn.Linear(h, 64))

    def encode(self, x):
        mu, logvar = self.enc(x).chunk(2, 1)
        return mu, logvar.clamp(-8, 8)

    def forward(self, x):
        mu, logvar = self.encode(x)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        return torch.sigmoid(self.dec(z)), mu, logvar


def elbo_terms(x, xh, mu, logvar):
    rec = F.mse_loss(xh, x, reduction="none").sum(1).mean() * 20
    kl = -0.5 * (1 + logvar - mu ** 2 - logvar.exp()).sum(1).mean()
    return rec, kl


vae = VAE()
opt = torch.optim.Adam(vae.parameters(), 2e-3)
for epoch in range(1, 41):
    sums = torch.zeros(2)
    for idx in torch.randperm(len(train)).split(50):
        x = train[idx]
        rec, kl = elbo_terms(x, *vae(x))
        loss = rec + kl
        opt.zero_grad()
        loss.backward()
        opt.step()
        sums += torch.stack([rec, kl]).detach() * len(idx)
    if epoch % 8 == 0:
        r, k = (sums / len(train)).tolist()
        print(f"epoch {epoch:2d}  rec {r:.4f}  kl {k:.4f}")

with torch.no_grad():
    mu, _ = vae.encode(test)
    err = F.mse_loss(torch.sigmoid(vae.dec(mu)), test).item()
    ref = F.mse_loss(train.mean(0).expand_as(test), test).item()
print(f"test reconstruction {err:.4f}   mean image {ref:.4f}")
