"""Predict sale prices from listing attributes (synthetic copy of our listings table)."""
import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.default_rng(3)
torch.manual_seed(3)

n = 4000
df = pd.DataFrame({
    "sqm": rng.gamma(9, 11, n),
    "rooms": rng.integers(1, 8, n),
    "age": rng.exponential(25, n),
    "dist_center": rng.gamma(2, 4, n),
    "garage": rng.integers(0, 2, n),
})
df["price"] = (90_000 + 2_600 * df.sqm * np.exp(-df.dist_center / 25) + 9_000 * df.rooms
               - 700 * df.age + 15_000 * df.garage + rng.normal(0, 12_000, n))

num = ["sqm", "rooms", "age", "dist_center", "garage"]
train, valid = df.iloc[:3200], df.iloc[3200:]
mu, sd = train[num].mean(), train[num].std()


def to_tensors(part):
    x = ((part[num] - mu) / sd).to_numpy("float32")
    y = (part["price"].to_numpy("float32")[:, None] - 280_000) / 80_000
    return torch.from_numpy(x), torch.from_numpy(y)


xt, yt = to_tensors(train)
xv, yv = to_tensors(valid)
loader = DataLoader(TensorDataset(xt, yt), batch_size=64, shuffle=True)


class PriceNet(nn.Module):
    def __init__(self, d, h=64):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(d, h), nn.ReLU(), nn.Linear(h, h), nn.ReLU())
        self.out = nn.Linear(h, 1)

    def forward(self, x):
        return self.out(self.body(x))


net = PriceNet(len(num))
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
crit = nn.MSELoss()

for epoch in range(1, 31):
    net.train()
    run = 0.0
    for xb, yb in loader:
        opt.zero_grad()
        loss = crit(net(xb), yb)
        loss.backward()
        opt.step()
        run += loss.item() * len(xb)
    if epoch % 5 == 0:
        net.eval()
        with torch.no_grad():
            pred = net(xv)
            rmse = crit(pred, yv).sqrt().item()
            r2 = 1 - ((pred - yv) ** 2).sum().item() / ((yv - yv.mean()) ** 2).sum().item()
        print(f"epoch {epoch:02d} train mse {run / len(xt):.4g}  val rmse {rmse:,.0f}  val r2 {r2:.3f}")
