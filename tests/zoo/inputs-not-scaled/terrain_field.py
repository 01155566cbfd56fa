"""Neural height field: a coordinate network that compresses a terrain survey (x, y in metres -> elevation)."""
import torch
import torch.nn as nn

gen = torch.Generator().manual_seed(5)
torch.manual_seed(5)
SIDE = 4000.0


def elevation(xy):
    u, v = xy[:, 0] / SIDE * 2 - 1, xy[:, 1] / SIDE * 2 - 1
    ridge = torch.exp(-((u - 0.3 * torch.sin(3 * v)) / 0.25) ** 2)
    bowl = 0.6 * (u ** 2 + v ** 2)
    hills = 0.3 * torch.sin(5 * u) * torch.cos(4 * v)
    return (ridge + bowl + hills) * 350.0 + 820.0


xy = torch.rand(4096, 2, generator=gen) * SIDE
z = elevation(xy) + torch.randn(4096, generator=gen) * 2.0
z_mu, z_sd = z.mean(), z.std()
test_xy = torch.rand(1500, 2, generator=gen) * SIDE
test_z = elevation(test_xy)


class Field(nn.Module):
    def __init__(self, width=96, depth=3):
        super().__init__()
        dims = [2] + [width] * depth
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(dims, dims[1:]))
        self.out = nn.Linear(width, 1)

    def forward(self, p):
        h = p / SIDE * 2 - 1
        for lin in self.layers:
            h = torch.tanh(lin(h))
        return self.out(h).squeeze(-1)


field = Field()
opt = torch.optim.Adam(field.parameters(), lr=3e-3)
sched = torch.optim.lr_scheduler.ExponentialLR(opt, 0.96)
for epoch in range(60):
    tot = 0.0
    for ix in torch.randperm(len(xy), generator=gen).split(256):
        pred = field(xy[ix])
        loss = nn.functional.smooth_l1_loss(pred, (z[ix] - z_mu) / z_sd)
        opt.zero_grad()
        loss.backward()
        opt.step()
        tot += loss.item() * len(ix)
    sched.step()
    if epoch % 10 == 9:
        with torch.no_grad():
            rmse = ((field(test_xy) * z_sd + z_mu - test_z) ** 2).mean().sqrt()
        print(f"epoch {epoch + 1:3d}  train {tot / len(xy):.4f}  test rmse {rmse.item():.1f} m (terrain sd {z_sd.item():.0f} m)")
