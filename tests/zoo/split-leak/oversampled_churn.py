import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))


def customers(n):
    x = torch.randn(n, 20)
    score = x[:, 0] + 0.7 * x[:, 1] * x[:, 2] - 0.8 * x[:, 3] + 1.2 * torch.randn(n)
    return x, (score > 2.1).long()


def oversample(x, y):
    rare = (y == 1).nonzero().squeeze(1)
    extra = rare[torch.randint(0, len(rare), (int((y == 0).sum()) - len(rare),))]
    keep = torch.cat([torch.arange(len(y)), extra])
    return x[keep], y[keep]


def split(x, y, share=0.75):
    perm = torch.randperm(len(y))
    cut = int(share * len(y))
    return (x[perm[:cut]], y[perm[:cut]]), (x[perm[cut:]], y[perm[cut:]])


x, y = customers(5000)

train, val = split(x, y)
train = oversample(*train)

net = nn.Sequential(nn.Linear(20, 48), nn.ReLU(), nn.Linear(48, 2))
opt = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=5e-2)
ce = nn.CrossEntropyLoss()
for epoch in range(12):
    for idx in torch.randperm(len(train[1])).split(32):
        loss = ce(net(train[0][idx]), train[1][idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        guess = net(val[0]).argmax(1)
        tl, vl = ce(net(train[0]), train[1]).item(), ce(net(val[0]), val[1]).item()
        recall = [(guess[val[1] == c] == c).float().mean().item() for c in (0, 1)]
    print(f"epoch {epoch + 1} train {tl:.4f} val {vl:.4f} balanced accuracy {sum(recall) / 2:.4f}")
