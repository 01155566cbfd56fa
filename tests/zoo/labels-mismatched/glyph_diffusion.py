"""A diffusion model of 8x8 glyphs that draws its own noise: the module is given clean images and returns the loss."""

import math
import os

import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


def glyphs(number):
    """Bars and corners at random places."""
    images = -torch.ones(number, 1, 8, 8)
    for image in images:
        row, column, kind = torch.randint(1, 7, (1,)), torch.randint(1, 7, (1,)), torch.randint(3, (1,))
        if kind != 0:
            image[0, row] = 1.0
        if kind != 1:
            image[0, :, column] = 1.0
    return images


class Denoiser(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.inside, self.time = nn.Conv2d(1, width, 3, padding=1), nn.Linear(16, width)
        self.middle = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        self.out = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, noisy, level):
        angles = level[:, None] * torch.exp(torch.linspace(0.0, math.log(30.0), 8))
        hidden = self.inside(noisy) + self.time(torch.cat([angles.sin(), angles.cos()], 1))[:, :, None, None]
        for layer in self.middle:
            hidden = hidden + layer(F.silu(hidden))
        return self.out(F.silu(hidden))


class Diffusion(nn.Module):
    def __init__(self):
        super().__init__()
        self.denoiser = Denoiser()

    def corrupt(self, images, level):
        noise = torch.randn_like(images)
        angle = level[:, None, None, None] * math.pi / 2
        return angle.cos() * images + angle.sin() * noise, noise

    def forward(self, images):
        level = torch.rand(len(images)) * 0.98 + 0.01
        noisy, noise = self.corrupt(images, level)
        return F.mse_loss(self.denoiser(noisy, level), noise)


data = glyphs(2000)
train, held = data[:1800], data[1800:]
model = Diffusion()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for epoch in range(1, 9):
    for batch in train[torch.randperm(len(train))].split(60):
        loss = model(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        print(f"epoch {epoch} loss {loss.item():.3f} held-out {model(held).item():.3f}")
