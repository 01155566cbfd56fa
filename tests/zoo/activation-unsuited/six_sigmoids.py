"""Deep perceptron on digits."""

import os
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
d = load_digits()
X = torch.tensor((d.data - d.data.mean()) / d.data.std()).float()
y = torch.tensor(d.target)
perm = torch.randperm(len(X))
Xtr, ytr, Xte, yte = X[perm[:1350]], y[perm[:1350]], X[perm[1350:]], y[perm[1350:]]


class DeepNet(nn.Module):
    def __init__(self, depth=6, width=40, act=nn.ReLU):
        super().__init__()
        layers = [nn.Linear(64, width), act()]
        for _ in range(depth - 1):
            layers += [nn.Linear(width, width), act()]
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(width, 10)

    def forward(self, x):
        return self.classifier(self.features(x))


net = DeepNet()
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
for epoch in range(25):
    for b in torch.randperm(1350).split(50):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(Xtr[b]), ytr[b])
        loss.backward()
        opt.step()
    if epoch % 5 == 4:
        with torch.no_grad():
            print("epoch %d | loss %.4f | acc %.4f" % (epoch + 1, loss, (net(Xte).argmax(1) == yte).float().mean()))
