import os
import torch
from torch import nn

seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
torch.set_num_threads(1)


class Block(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.norm = nn.LayerNorm(d)
        self.up = nn.Linear(d, 2 * d)
        self.down = nn.Linear(2 * d, d)
        nn.init.zeros_(self.down.weight)
        nn.init.zeros_(self.down.bias)

    def forward(self, x):
        return x + self.down(nn.functional.gelu(self.up(self.norm(x))))


def surface(x):
    return torch.sin(3 * x[:, 0]) * x[:, 1] + x[:, 2] ** 2 - (x[:, 3] > 0).float() * x[:, 0]


net = nn.Sequential(nn.Linear(4, 24), *[Block(24) for _ in range(6)], nn.LayerNorm(24), nn.Linear(24, 1), nn.Flatten(0))
x, x_test = torch.rand(4000, 4) * 2 - 1, torch.rand(800, 4) * 2 - 1
noise = lambda n: 0.1 * torch.randn(n)
y, y_test = surface(x) + noise(4000), surface(x_test) + noise(800)
optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.01)
steps = 600
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
avg = 0.0
for step in range(1, steps + 1):
    i = torch.randint(4000, (80,))
    loss = nn.functional.mse_loss(net(x[i]), y[i])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    avg += loss.item() / 100
    if step % 100 == 0:
        with torch.no_grad():
            print(f"{step:5d} train {avg:.4f} test {nn.functional.mse_loss(net(x_test), y_test).item():.4f}")
        avg = 0.0
