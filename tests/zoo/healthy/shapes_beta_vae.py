"""beta-VAE of curves: beta rises from zero, Gaussian decoder, sums over points and mean over the batch."""
import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
grid = torch.linspace(0, 6.28, 48)


def curves(n):
    a, f, p = torch.rand(n, 1) + 0.5, torch.rand(n, 1) + 0.5, torch.rand(n, 1) * 3
    return a * torch.sin(f * grid + p) + 0.05 * torch.randn(n, 48)


class VAE(nn.Module):
    def __init__(self, latent=4):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(48, 96), nn.ReLU(), nn.Linear(96, 2 * latent))
        self.decoder = nn.Sequential(nn.Linear(latent, 96), nn.ReLU(), nn.Linear(96, 48))

    def forward(self, x):
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        return self.decoder(z), mean, log_variance


train, test = curves(2000), curves(400)
model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(40):
    beta = min(1.0, epoch / 15) * 0.5
    for rows in torch.randperm(2000).split(64):
        x = train[rows]
        output, mean, log_variance = model(x)
        error = ((output - x) ** 2).sum(1).mean() / (2 * 0.1)
        divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1).mean()
        loss = error + beta * divergence
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1} error {error.item():.3f} divergence {divergence.item():.3f}")
with torch.no_grad():
    output, _, _ = model(test)
    print(f"explained {1 - ((output - test) ** 2).mean().item() / test.var().item():.3f}")
