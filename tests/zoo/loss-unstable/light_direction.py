"""Shape from shading, backwards: estimate the direction of the light from a picture of a lit sphere."""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
generator = torch.Generator().manual_seed(seed)

PIXELS = 12
BATCH = 128
STEPS = 1500


def sphere_normals():
    axis = torch.linspace(-0.95, 0.95, PIXELS)
    gy, gx = torch.meshgrid(axis, axis, indexing="ij")
    r2 = gx ** 2 + gy ** 2
    inside = (r2 < 0.95).float()
    return torch.stack([gx, gy, (1 - r2).clamp(min=0).sqrt()], dim=-1) * inside[..., None]


NORMALS = sphere_normals()


def shaded(n):
    light = torch.randn(n, 3, generator=generator)
    light[:, 2] = light[:, 2].abs() + 0.3
    light = F.normalize(light, dim=1)
    albedo = 0.7 + 0.6 * torch.rand(n, 1, 1, generator=generator)
    image = albedo * torch.einsum("hwc,nc->nhw", NORMALS, light).clamp(min=0)
    image = image + 0.02 * torch.randn(image.shape, generator=generator)
    return (image - 0.35) / 0.35, light


class LightNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Flatten(),
            nn.Linear(PIXELS * PIXELS, 96), nn.ELU(),
            nn.Linear(96, 48), nn.ELU(),
            nn.Linear(48, 3),
        )

    def forward(self, image):
        return F.normalize(self.body(image), dim=1)


def angle_between(a, b):
    cosine = (a * b).sum(dim=1)
    return torch.acos(cosine.clamp(-0.999999, 0.999999))


model = LightNet()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=STEPS)
test_images, test_lights = shaded(1000)

model.train()
for step in range(1, STEPS + 1):
    images, lights = shaded(BATCH)
    loss = angle_between(model(images), lights).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if step % 150 == 0:
        print(f"step {step:5d}   mean angle {np.degrees(loss.item()):.3f} deg")

model.eval()
with torch.no_grad():
    chord = (model(test_images) - test_lights).norm(dim=1)
    degrees = torch.rad2deg(2 * torch.asin((chord / 2).clamp(max=1)))
print(f"within 3 degrees: {(degrees < 3).float().mean().item():.4f}")
