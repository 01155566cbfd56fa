"""A variational autoencoder for 8x8 digits with torch.distributions."""

import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.distributions import Normal, kl_divergence
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


class Encoder(nn.Module):
    def __init__(self, latent):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 96), nn.ReLU())
        self.loc = nn.Linear(96, latent)
        self.log_scale = nn.Linear(96, latent)

    def forward(self, x):
        h = self.body(x)
        return Normal(self.loc(h), self.log_scale(h).clamp(-6, 3).exp())


class Decoder(nn.Module):
    def __init__(self, latent):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(latent, 96), nn.ReLU(), nn.Linear(96, 64))

    def forward(self, z):
        return self.body(z)


class VAE(nn.Module):
    def __init__(self, latent=10):
        super().__init__()
        self.encoder = Encoder(latent)
        self.decoder = Decoder(latent)
        self.register_buffer("zero", torch.zeros(latent))
        self.register_buffer("one", torch.ones(latent))

    def forward(self, x):
        posterior = self.encoder(x)
        z = posterior.rsample()
        recon = self.decoder(z)
        prior = Normal(self.zero, self.one)
        return recon, kl_divergence(posterior, prior).sum(1)

    @torch.no_grad()
    def reconstruct(self, x):
        return self.decoder(self.encoder(x).mean)


data = torch.tensor(load_digits().images, dtype=torch.float32).flatten(1)
data = data[torch.randperm(len(data))]
data = (data - data[:1500].mean()) / data[:1500].std()
train, test = data[:1500], data[1500:]
loader = DataLoader(TensorDataset(train), batch_size=50, shuffle=True, drop_last=True)

vae = VAE()
optimizer = torch.optim.Adam(vae.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 40)
beta = 0.5

for epoch in range(1, 41):
    vae.train()
    rec_sum = kl_sum = 0.0
    for (x,) in loader:
        recon, kl = vae(x)
        rec = F.mse_loss(recon, x, reduction="none").sum(1).mean() / 0.5
        loss = rec + beta * kl.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rec_sum += rec.item()
        kl_sum += kl.mean().item()
    scheduler.step()
    if epoch % 5 == 0:
        vae.eval()
        err = (vae.reconstruct(test) - test).pow(2).mean().item()
        explained = 1 - err / (test - train.mean(0)).pow(2).mean().item()
        print(
            f"epoch {epoch}: rec {rec_sum / len(loader):.3f} kl {kl_sum / len(loader):.3f} test mse {err:.4f} explained {explained:.4f}"
        )
