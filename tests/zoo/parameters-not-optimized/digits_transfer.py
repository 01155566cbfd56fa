# a body trained on digits 0-4 is reused, frozen, for all ten
import os

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

torch.manual_seed(int(os.environ.get("SEED", "0")))
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x, dtype=torch.float32) / 16, torch.tensor(y)


class Reader(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 48), nn.ReLU(), nn.Linear(48, 24), nn.ReLU())
        self.head = nn.Linear(24, classes)

    def forward(self, images):
        return self.head(self.body(images))


def train(parameters, forward, images, labels, steps, rate):
    optimizer = torch.optim.Adam(parameters, lr=rate)
    for step in range(steps):
        rows = torch.randint(0, len(labels), (64,))
        loss = F.cross_entropy(forward(images[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


first = Reader(5)
few = y < 5
print("first task, loss", train(first.parameters(), first, x[few], y[few], 400, 3e-3))
saved = {f"model.{key}": value for key, value in first.state_dict().items()}

second = Reader(10)
body = {key.removeprefix("model."): value for key, value in saved.items() if "head" not in key}
second.load_state_dict(body, strict=False)
second.body.requires_grad_(False)
print("second task, loss", train(second.head.parameters(), second, x[:1400], y[:1400], 600, 1e-2))
print(f"accuracy {(second(x[1400:]).argmax(1) == y[1400:]).float().mean().item():.3f}")
