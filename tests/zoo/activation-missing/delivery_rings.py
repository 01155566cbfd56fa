"""Delivery tariff zone of an address from its position relative to the depot."""
import argparse
import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

SEED = int(os.environ.get("SEED", 0))


def make_addresses(n, rng):
    angle = rng.uniform(0, 2 * np.pi, n)
    dist = np.sqrt(rng.uniform(0.0, 1.0, n)) * 20.0
    zone = np.digitize(dist, [8.0, 12.5, 16.5])
    dist = dist + rng.normal(0, 0.25, n)
    east = dist * np.cos(angle) + 3.0
    north = dist * np.sin(angle) - 5.0
    parcels = rng.poisson(3, n)
    x = np.stack([east, north, parcels], axis=1).astype(np.float32)
    x = (x - x.mean(0)) / x.std(0)
    return torch.from_numpy(x), torch.from_numpy(zone).long()


class ZoneNet(nn.Module):
    def __init__(self, n_in, width, depth, n_out):
        super().__init__()
        self.inp = nn.Linear(n_in, width)
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.act = nn.GELU()
        self.head = nn.Linear(width, n_out)

    def forward(self, x):
        h = self.inp(x)
        for layer in self.hidden:
            h = self.act(layer(h))
        return self.head(h)


def evaluate(model, loader, criterion):
    model.eval()
    total, right, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            out = model(x)
            total += criterion(out, y).item() * len(y)
            right += (out.argmax(1) == y).sum().item()
            n += len(y)
    return total / n, right / n


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--lr", type=float, default=4e-3)
    parser.add_argument("--width", type=int, default=48)
    args = parser.parse_args()
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)

    x, y = make_addresses(5000, rng)
    train, val = random_split(TensorDataset(x, y), [4000, 1000])
    train_loader = DataLoader(train, batch_size=64, shuffle=True)
    val_loader = DataLoader(val, batch_size=500)

    model = ZoneNet(3, args.width, 2, 4)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=args.lr, total_steps=args.epochs * len(train_loader)
    )
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for xb, yb in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(xb), yb)
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item() * len(yb)
        if epoch % 3 == 2:
            v_loss, v_acc = evaluate(model, val_loader, criterion)
            print(f"epoch {epoch + 1}: train {total / len(train):.3f} val {v_loss:.3f} acc {v_acc:.3f}")


if __name__ == "__main__":
    main()
