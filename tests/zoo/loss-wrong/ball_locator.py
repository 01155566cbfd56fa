"""Where is the ball? A small conv net gives the (x, y) position of a ball in a noisy camera frame."""
import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
SIZE = 20


def render(n, rng):
    xy = rng.uniform(0.15, 0.85, (n, 2))
    gy, gx = np.mgrid[:SIZE, :SIZE] / (SIZE - 1)
    radius = rng.uniform(0.07, 0.13, (n, 1, 1))
    d2 = (gx[None] - xy[:, :1, None]) ** 2 + (gy[None] - xy[:, 1:, None]) ** 2
    frame = np.exp(-0.5 * d2 / radius ** 2) + rng.normal(0, 0.15, (n, SIZE, SIZE))
    frame = (frame - frame.mean()) / frame.std()
    return torch.tensor(frame[:, None], dtype=torch.float32), torch.tensor(xy, dtype=torch.float32)


class Locator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 12, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(24 * 25, 64), nn.ReLU(), nn.Linear(64, 2),
        )

    def forward(self, x):
        return self.net(x)


def run_epoch(model, loader, criterion, optimizer=None):
    model.train(optimizer is not None)
    total, pixels, count = 0.0, 0.0, 0
    with torch.set_grad_enabled(optimizer is not None):
        for frames, xy in loader:
            pred = model(frames)
            loss = criterion(pred, xy)
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total += loss.item() * len(xy)
            pixels += (pred.detach() - xy).norm(dim=1).sum().item() * (SIZE - 1)
            count += len(xy)
    return total / count, pixels / count


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    train = DataLoader(TensorDataset(*render(2000, rng)), batch_size=50, shuffle=True)
    test = DataLoader(TensorDataset(*render(400, rng)), batch_size=200)
    model = Locator()
    criterion = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 14)
    for epoch in range(14):
        train_loss, _ = run_epoch(model, train, criterion, optimizer)
        test_loss, error = run_epoch(model, test, criterion)
        scheduler.step()
        print(f"epoch {epoch}: train {train_loss:.5f} test {test_loss:.5f} off by {error:.3f} px")
    print(f"pixel error {error:.3f}")


if __name__ == "__main__":
    main()
