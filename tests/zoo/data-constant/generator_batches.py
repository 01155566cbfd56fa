import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(int(os.environ.get("SEED", 0)))

digits = load_digits()
xa, xb, ya, yb = train_test_split(digits.images / 16.0, digits.target, test_size=0.25, random_state=0)
mean, std = xa.mean(), xa.std()
xa = torch.tensor((xa - mean) / std, dtype=torch.float32)[:, None]
xb = torch.tensor((xb - mean) / std, dtype=torch.float32)[:, None]
ya, yb = torch.tensor(ya), torch.tensor(yb)


def batches(x, y, size=24):
    order = torch.randperm(len(x))
    start = 0
    while True:
        pick = order[start : start + size]
        yield x[pick], y[pick]
        start += size
        if start + size > len(x):
            start = 0
            order = torch.randperm(len(x))


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = torch.nn.Conv2d(16, 32, 3, padding=1)
        self.drop = torch.nn.Dropout(0.3)
        self.fc = torch.nn.Linear(32 * 4 * 4, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(self.drop(x.flatten(1)))


net = Net()
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
for step, (x, y) in enumerate(batches(xa, ya), 1):
    net.train()
    loss = F.cross_entropy(net(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 50 == 0:
        net.eval()
        with torch.no_grad():
            out = net(xb)
        print(
            f"{step}: {loss.item():.4f} val {F.cross_entropy(out, yb):.4f} acc {(out.argmax(1) == yb).float().mean():.4f}"
        )
    if step == 500:
        break
