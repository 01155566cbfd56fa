"""Read the pointer of a round gauge from a 24x24 camera image."""
import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

SIZE = 24
yy, xx = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
RANGE = np.deg2rad(270)


def photograph(value):
    angle = np.deg2rad(-135) + RANGE * value
    dx, dy = np.sin(angle), -np.cos(angle)
    along = xx * dx + yy * dy
    across = np.abs(-xx * dy + yy * dx)
    img = rng.uniform(30, 70) + 6 * rng.normal(size=(SIZE, SIZE))
    img += 130 * np.exp(-across ** 2 / 1.5) * ((along > -1) & (along < 10))
    rim = np.abs(np.hypot(xx, yy) - 11) < 0.7
    img[rim] += 50
    return np.clip(img, 0, 240).astype(np.uint8)


def normalise(raw):
    scaled = np.zeros(raw.shape, dtype=np.float32)
    for i, img in enumerate(raw):
        scaled[i] = img / 255.0
    return torch.as_tensor(scaled, dtype=torch.float32).unsqueeze(1)


values = rng.uniform(0, 1, 2600)
photos = np.stack([photograph(v) for v in values])
images = (normalise(photos) - 0.25) / 0.2
targets = torch.tensor(2 * values - 1, dtype=torch.float32).unsqueeze(1)

train_data = TensorDataset(images[:2200], targets[:2200])
valid_images, valid_targets = images[2200:], targets[2200:]
loader = DataLoader(train_data, batch_size=50, shuffle=True)

reader = nn.Sequential(
    nn.Conv2d(1, 8, 5, stride=2, padding=2), nn.LeakyReLU(0.1),
    nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.LeakyReLU(0.1),
    nn.Flatten(),
    nn.Linear(16 * 6 * 6, 48), nn.LeakyReLU(0.1),
    nn.Linear(48, 1),
)
optimizer = torch.optim.Adam(reader.parameters(), lr=2e-3)
epochs = 11
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
criterion = nn.SmoothL1Loss()

for epoch in range(epochs):
    reader.train()
    total = 0.0
    for xb, yb in loader:
        loss = criterion(reader(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    scheduler.step()
    reader.eval()
    with torch.no_grad():
        out = reader(valid_images)
        valid_loss = criterion(out, valid_targets).item()
        error = (out - valid_targets).abs().mean().item() / 2
    print(f"epoch {epoch + 1:2d} train {total / len(loader):.5f} valid {valid_loss:.5f} error {100 * error:.2f} % of scale")
