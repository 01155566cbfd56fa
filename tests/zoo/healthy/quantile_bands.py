# Quantile regression: 10 %, 50 %, 90 % bands of a noisy curve; targets in thousands, scaled inside the module
import torch
import torch.nn as nn

torch.manual_seed(17)
n = 3000
x = torch.rand(n, 1) * 10
spread = 200 + 120 * x[:, 0]
y = 5000 + 1500 * torch.sin(x[:, 0]) + spread * torch.randn(n)
qs = torch.tensor([0.1, 0.5, 0.9])


class Bands(nn.Module):
    def __init__(self, y_mean, y_std):
        super().__init__()
        self.register_buffer("m", y_mean)
        self.register_buffer("s", y_std)
        self.f = nn.Sequential(nn.Linear(1, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 3))

    def forward(self, x):
        return self.f((x - 5) / 2.9)          # in standardised units

    def predict(self, x):
        return self(x) * self.s + self.m


def pinball(pred, target):
    e = target[:, None] - pred
    return torch.maximum(qs * e, (qs - 1) * e).mean()


tr, te = slice(0, 2400), slice(2400, None)
net = Bands(y[tr].mean(), y[tr].std())
z = (y - net.m) / net.s
opt = torch.optim.Adam(net.parameters(), lr=4e-3)
sched = torch.optim.lr_scheduler.ExponentialLR(opt, 0.95)
for epoch in range(60):
    for b in torch.randperm(2400).split(80):
        loss = pinball(net(x[b]), z[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
    sched.step()
    if epoch % 10 == 9:
        with torch.no_grad():
            val = pinball(net(x[te]), z[te]).item()
            cover = (y[te, None] <= net.predict(x[te])).float().mean(0).tolist()
        print(f"epoch {epoch + 1}: test pinball {val:.4f}  coverage {[round(c, 3) for c in cover]} (want 0.1 0.5 0.9)")
with torch.no_grad():
    med = net.predict(x[te])[:, 1]
    true_q = torch.stack([5000 + 1500 * torch.sin(x[te, 0]) + spread[te] * v for v in (-1.2816, 0.0, 1.2816)], 1)
    ideal = pinball((true_q - net.m) / net.s, z[te]).item()
print(f"error of the median curve: {(med - (5000 + 1500 * torch.sin(x[te, 0]))).abs().mean():.0f}, pinball of the true quantiles {ideal:.4f}")
