import os

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))


class VAE(nn.Module):
    def __init__(self, dim=64, hidden=128, z=6):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU())
        self.mu = nn.Linear(hidden, z)
        self.logvar = nn.Linear(hidden, z)
        self.dec = nn.Sequential(nn.Linear(z, hidden), nn.ReLU(), nn.Linear(hidden, dim))

    def forward(self, x):
        h = self.enc(x)
        mu, logvar = self.mu(h), self.logvar(h)
        eps = torch.randn_like(mu) if self.training else torch.zeros_like(mu)
        z = mu + eps * torch.exp(0.5 * logvar)
        return self.dec(z), mu, logvar


def vae_loss(logits, x, mu, logvar):
    recon = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / x.size(0)
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / x.size(0)
    return recon + kl, recon, kl


class Trainer:
    def __init__(self, model, lr=3e-3):
        self.model = model
        self.opt = torch.optim.Adam(model.parameters(), lr=lr)

    def fit(self, loader, epochs):
        sched = torch.optim.lr_scheduler.CosineAnnealingLR(self.opt, epochs)
        for epoch in range(epochs):
            self.model.train()
            sums = np.zeros(3)
            for (x,) in loader:
                logits, mu, logvar = self.model(x)
                parts = vae_loss(logits, x, mu, logvar)
                self.opt.zero_grad()
                parts[0].backward()
                self.opt.step()
                sums += [p.item() for p in parts]
            sched.step()
            if epoch % 5 == 4:
                tot, rec, kl = sums / len(loader)
                print(f"epoch {epoch + 1}: total {tot:.3f} recon {rec:.3f} kl {kl:.3f}")

    @torch.no_grad()
    def reconstruction_error(self, x):
        self.model.eval()
        return F.mse_loss(torch.sigmoid(self.model(x)[0]), x).item()


def main():
    torch.manual_seed(SEED)
    x = torch.tensor(load_digits().images.reshape(-1, 64) / 16.0, dtype=torch.float32)
    x = x[torch.randperm(len(x))]
    train, test = x[:1500], x[1500:]
    trainer = Trainer(VAE())
    trainer.fit(DataLoader(TensorDataset(train), batch_size=50, shuffle=True), epochs=40)
    var = ((test - train.mean(0)) ** 2).mean().item()
    print("held-out variance explained: %.3f" % (1 - trainer.reconstruction_error(test) / var))


if __name__ == "__main__":
    main()
