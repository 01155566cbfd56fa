"""A small CNN on 300 crowd-labelled digits, a fifth of the labels wrong."""

import os
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
d = load_digits()
X, y = torch.tensor(d.images).float()[:, None] / 16, torch.tensor(d.target)
p = torch.randperm(len(X))
Xtr, ytr, Xva, yva = X[p[:300]], y[p[:300]].clone(), X[p[300:900]], y[p[300:900]]
wrong = torch.rand(300) < 0.25
ytr[wrong] = torch.randint(0, 10, (int(wrong.sum()),))


class Net(nn.Module):
    def __init__(self, width=32, p_drop=0.3):
        super().__init__()
        self.conv = nn.Conv2d(1, width, 3, padding=1)
        self.drop = nn.Dropout(p_drop)
        self.fc1, self.fc2 = nn.Linear(width * 16, 64), nn.Linear(64, 10)

    def forward(self, x):
        h = nn.functional.max_pool2d(torch.relu(self.conv(x)), 2).flatten(1)
        return self.fc2(self.drop(torch.relu(self.fc1(self.drop(h)))))


net = Net()
opt = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-2)
MAX_EPOCHS = 12
for epoch in range(1, MAX_EPOCHS + 1):
    net.train()
    tot = 0
    for b in torch.randperm(300).split(25):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(Xtr[b]), ytr[b])
        loss.backward()
        opt.step()
        tot += loss.item() / 12
    net.eval()
    if epoch % 4 == 0:
        with torch.no_grad():
            out = net(Xva)
            print(
                "epoch %d train %.3f val %.3f val acc %.3f"
                % (epoch, tot, nn.functional.cross_entropy(out, yva), (out.argmax(1) == yva).float().mean())
            )
