"""Autoencoder for Raman-like spectra of mixtures (denoising before unmixing)."""
import os
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))


@dataclass
class Params:
    n_spectra: int = 3000
    n_bins: int = 100
    batch_size: int = 32
    epochs: int = 40
    lr: float = 2e-3


def simulate(p, rng):
    grid = np.linspace(0, 1, p.n_bins)
    centers = np.linspace(0.1, 0.9, 8)
    widths = rng.uniform(0.02, 0.05, 8)
    basis = np.exp(-(((grid - centers[:, None]) / widths[:, None]) ** 2))
    conc = rng.gamma(2.0, 0.5, size=(p.n_spectra, 8))
    spectra = conc @ basis + rng.normal(0, 0.02, (p.n_spectra, p.n_bins))
    return spectra.astype(np.float32)


class SpectralAE(nn.Module):
    def __init__(self, n_bins, latent_dim):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(n_bins, 64), nn.LeakyReLU(), nn.Linear(64, 32), nn.LeakyReLU(), nn.Linear(32, latent_dim)
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, 32), nn.LeakyReLU(), nn.Linear(32, 64), nn.LeakyReLU(), nn.Linear(64, n_bins)
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


class Fit:
    def __init__(self, model, p):
        self.model, self.p = model, p
        self.opt = torch.optim.NAdam(model.parameters(), lr=p.lr)
        self.sched = torch.optim.lr_scheduler.CosineAnnealingLR(self.opt, p.epochs)
        self.crit = nn.MSELoss()

    def epoch(self, loader):
        self.model.train()
        tot = 0.0
        for (x,) in loader:
            self.opt.zero_grad()
            loss = self.crit(self.model(x), x)
            loss.backward()
            self.opt.step()
            tot += loss.item()
        self.sched.step()
        return tot / len(loader)

    @torch.no_grad()
    def score(self, x):
        self.model.eval()
        mse = self.crit(self.model(x), x).item()
        return mse, 1 - mse / ((x - x.mean(0)) ** 2).mean().item()


if __name__ == "__main__":
    torch.manual_seed(SEED)
    p = Params()
    data = simulate(p, np.random.default_rng(SEED))
    train, valid = data[:2500], data[2500:]
    mean, std = train.mean(), train.std()
    train = torch.from_numpy((train - mean) / std)
    valid = torch.from_numpy((valid - mean) / std)
    loader = DataLoader(TensorDataset(train), batch_size=p.batch_size, shuffle=True)
    fit = Fit(SpectralAE(p.n_bins, latent_dim=10), p)
    for e in range(1, p.epochs + 1):
        tr = fit.epoch(loader)
        if e % 4 == 0:
            va, r2 = fit.score(valid)
            print(f"epoch {e:3d} train {tr:.4f} valid {va:.4f} R2 {r2:.3f}")
