import argparse
import os

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class AutoEncoder(nn.Module):
    def __init__(self, widths, act):
        super().__init__()
        layers = []
        sizes = [64, *widths, *widths[-2::-1]]
        for a, b in zip(sizes[:-1], sizes[1:]):
            layers += [nn.Linear(a, b), act()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(sizes[-1], 64)

    def forward(self, x):
        return self.head(self.body(x))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=36)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--code", type=int, default=16)
    args = parser.parse_args()
    torch.manual_seed(int(os.environ.get("SEED", 0)))
    torch.set_num_threads(1)

    images = torch.tensor(load_digits().data, dtype=torch.float32)
    images = images[torch.randperm(len(images))]
    fit, held = images[:1400], images[1400:]
    mu, sd = fit.mean(), fit.std()
    fit, held = (fit - mu) / sd, (held - mu) / sd
    loader = DataLoader(TensorDataset(fit), batch_size=32, shuffle=True)

    model = AutoEncoder([96, 64, 32, args.code], nn.GELU)
    opt = torch.optim.Adam(model.parameters(), lr=args.lr)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, args.epochs)
    mse = nn.MSELoss()
    for epoch in range(args.epochs):
        running = 0.0
        for (x,) in loader:
            opt.zero_grad()
            loss = mse(model(x), x)
            loss.backward()
            opt.step()
            running += loss.item() * len(x)
        sched.step()
        if (epoch + 1) % 3 == 0:
            with torch.no_grad():
                val = mse(model(held), held).item()
            print(f"[{epoch + 1:02d}] train mse {running / len(fit):.4f}  held-out mse {val:.4f}")


if __name__ == "__main__":
    main()
