import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)

images = torch.tensor(load_digits().images, dtype=torch.float32).unsqueeze(1) / 8 - 1


def block(cin, cout):
    return nn.Sequential(nn.Conv2d(cin, cout, 3, padding=1), nn.GroupNorm(1, cout), nn.ELU())


class Velocity(nn.Module):
    """Where a pixel moves to from noise at time 0 to a digit at time 1."""

    def __init__(self, width=16):
        super().__init__()
        self.body = nn.Sequential(block(2, width), block(width, width), block(width, width))
        self.out = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, x, t):
        plane = t.view(-1, 1, 1, 1).expand_as(x)
        return self.out(self.body(torch.cat([x, plane], 1)))


net = Velocity()
opt = torch.optim.AdamW(net.parameters(), lr=3e-3)
running = None
for step in range(1, 501):
    digit = images[torch.randint(len(images), (64,))]
    noise = torch.randn_like(digit)
    t = torch.rand(64)
    w = t.view(-1, 1, 1, 1)
    velocity = net((1 - w) * noise + w * digit, t)
    loss = F.mse_loss(velocity.reshape(64, -1), (digit - noise).reshape(64, -1))
    opt.zero_grad(set_to_none=True)
    loss.backward()
    opt.step()
    running = loss.item() if running is None else 0.98 * running + 0.02 * loss.item()
    if step % 100 == 0:
        print(f"step {step}: velocity error {running:.4f}")

with torch.no_grad():
    x = torch.randn(200, 1, 8, 8)
    for i in range(20):
        x = x + net(x, torch.full((200,), i / 20)) / 20
print(f"pixel mean {x.mean():.3f} (data {images.mean():.3f}), std {x.std():.3f} (data {images.std():.3f})")
