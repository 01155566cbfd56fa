import argparse
import os

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class PriceModel(nn.Module):
    def __init__(self, inputs, hidden):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(inputs, hidden), nn.LeakyReLU(), nn.Linear(hidden, hidden), nn.LeakyReLU(), nn.Linear(hidden, 1)
        )

    def forward(self, x):
        return self.net(x).squeeze(-1)


def houses(n):
    area = torch.rand(n) * 150 + 40
    rooms = (area / 30 + torch.randn(n)).clamp(1)
    age = torch.rand(n) * 80
    centre = torch.rand(n) * 20
    price = 2500 * area * torch.exp(-centre / 20) * (1 - age / 250) + 8000 * rooms + 12000 * torch.randn(n)
    return torch.stack([area, rooms, age, centre], 1), price


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--lr", type=float, default=1e-3)
    ap.add_argument("--epochs", type=int, default=20)
    ap.add_argument("--hidden", type=int, default=32)
    args = ap.parse_args()
    torch.manual_seed(int(os.environ.get("SEED", 0)))
    x, price = houses(4000)
    x = (x - x[:3200].mean(0)) / x[:3200].std(0)
    centre, spread = price[:3200].mean(), price[:3200].std()
    y = (price - centre) / spread
    loader = DataLoader(TensorDataset(x[:3200], y[:3200]), batch_size=64, shuffle=True)
    model = PriceModel(4, args.hidden)
    opt = torch.optim.Adam(model.parameters(), lr=args.lr)
    for epoch in range(args.epochs):
        total = 0.0
        for xb, yb in loader:
            loss = nn.functional.mse_loss(model(xb), yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() / len(loader)
        with torch.no_grad():
            pred = model(x[3200:]) * spread + centre
            r2 = 1 - (pred - price[3200:]).square().mean() / price[3200:].var()
        print(f"epoch {epoch + 1}: loss {total:.5g} val R2 {r2.item():.4f}")


if __name__ == "__main__":
    main()
