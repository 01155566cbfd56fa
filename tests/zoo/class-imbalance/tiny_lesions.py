"""Pixelwise detection of small bright specks in noise."""

import os
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


def scans(n, s=24):
    img = torch.randn(n, 1, s, s) * 0.5
    mask = torch.zeros(n, 1, s, s)
    for i in range(n):
        if torch.rand(()) < 0.5:
            y, x = torch.randint(2, s - 2, (2,)).tolist()
            img[i, 0, y : y + 2, x : x + 2] += 0.9
            mask[i, 0, y : y + 2, x : x + 2] = 1
    return img, mask


class FCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 12, 3, padding=1)
        self.c2 = nn.Conv2d(12, 12, 3, padding=1)
        self.c3 = nn.Conv2d(12, 1, 1)

    def forward(self, x):
        return self.c3(F.relu(self.c2(F.relu(self.c1(x)))))


x, m = scans(600)
xt, mt = scans(200)
net = FCN()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
boost = 60.0
for epoch in range(6):
    total = 0
    for b in torch.randperm(600).split(12):
        loss = F.binary_cross_entropy_with_logits(net(x[b]), m[b], pos_weight=torch.tensor(boost))
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / 50
    print("epoch", epoch, "loss", round(total, 5))
with torch.no_grad():
    hit = (net(xt) > 0).float()
print("pixel accuracy %.4f" % (hit == mt).float().mean())
print("sensitivity %.4f" % ((hit * mt).sum() / mt.sum()))
