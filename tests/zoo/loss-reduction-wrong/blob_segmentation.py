import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(int(os.environ.get("SEED", 0)))


def scenes(n, size=24):
    """Noisy pictures with two discs, and the masks of the discs."""
    grid = torch.arange(size).float()
    mask = torch.zeros(n, size, size, dtype=torch.bool)
    for _ in range(2):
        cx, cy = (torch.rand(2, n, 1, 1) * (size - 8)) + 4
        r = torch.rand(n, 1, 1) * 3 + 2
        mask |= (grid[None, :, None] - cx) ** 2 + (grid[None, None] - cy) ** 2 < r**2
    image = mask.float() * 1.5 + 0.8 * torch.randn(n, size, size)
    return ((image - 0.2) / 1.0)[:, None], mask.float()[:, None]


class MiniUNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(1, 12, 3, padding=1)
        self.mid = nn.Conv2d(12, 24, 3, padding=1)
        self.up = nn.Conv2d(36, 12, 3, padding=1)
        self.out = nn.Conv2d(12, 1, 1)

    def forward(self, x):
        a = F.relu(self.down(x))
        b = F.relu(self.mid(F.max_pool2d(a, 2)))
        b = F.interpolate(b, scale_factor=2.0)
        return self.out(F.relu(self.up(torch.cat([a, b], 1))))


def dice(logits, mask):
    guess = (logits > 0).float()
    return (2 * (guess * mask).sum() / (guess.sum() + mask.sum())).item()


train_x, train_m = scenes(1000)
val_x, val_m = scenes(200)
unet = MiniUNet()
optimizer = torch.optim.SGD(unet.parameters(), lr=0.1, momentum=0.9)
loss_fn = nn.BCEWithLogitsLoss(reduction="mean")
for epoch in range(8):
    for idx in torch.randperm(1000).split(20):
        loss = loss_fn(unet(train_x[idx]), train_m[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        out = unet(val_x)
    print(f"epoch {epoch} loss {loss.item():.4f} val {loss_fn(out, val_m).item():.4f} dice {dice(out, val_m):.4f}")
