"""A GAN in classes with BCE, labels made of ones and zeros; it learns eight blobs in one dimension less."""
import os

import torch
import torch.nn as nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
LATENT = 8


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(LATENT, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))

    def forward(self, z):
        return self.net(z)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))

    def forward(self, x):
        return self.net(x)


def sample_data(n):
    t = torch.rand(n) * 3
    return torch.stack([t.cos(), t.sin(), 0.5 * t], 1) + 0.05 * torch.randn(n, 3)


generator, discriminator = Generator(), Discriminator()
criterion = nn.BCEWithLogitsLoss()
optimizer_G = torch.optim.Adam(generator.parameters(), lr=5e-4, betas=(0.5, 0.999))
optimizer_D = torch.optim.Adam(discriminator.parameters(), lr=5e-4, betas=(0.5, 0.999))
for epoch in range(20):
    for _ in range(100):
        batch = sample_data(64)
        ones, zeros = torch.ones(64, 1), torch.zeros(64, 1)
        optimizer_D.zero_grad()
        z = torch.randn(64, LATENT)
        fake = generator(z)
        d_loss = criterion(discriminator(batch), ones) + criterion(discriminator(fake.detach()), zeros)
        d_loss.backward()
        optimizer_D.step()
        optimizer_G.zero_grad()
        g_loss = criterion(discriminator(fake), ones)
        g_loss.backward()
        optimizer_G.step()
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1} D {d_loss.item():.3f} G {g_loss.item():.3f}")
with torch.no_grad():
    made, data = generator(torch.randn(500, LATENT)), sample_data(500)
print(f"distance {torch.cdist(made, data).min(1).values.mean().item():.3f} back {torch.cdist(data, made).min(1).values.mean().item():.3f}")
