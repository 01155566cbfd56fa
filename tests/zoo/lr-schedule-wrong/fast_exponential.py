import argparse
import os
import torch
from torch import nn
from sklearn.datasets import make_friedman1

ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=os.environ.get("SEED", "0"))
args = ap.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

x, y = make_friedman1(n_samples=2400, n_features=6, noise=0.5, random_state=args.seed)
x = torch.tensor(2 * x - 1, dtype=torch.float32)
y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32)
tr, va = slice(0, 1800), slice(1800, 2400)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU())
        self.head = nn.Linear(48, 1)

    def forward(self, x):
        return self.head(self.body(x)).squeeze(1)


net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.7, weight_decay=1e-4)
sched = torch.optim.lr_scheduler.ExponentialLR(opt, gamma=0.93)
for epoch in range(30):
    for b in torch.randperm(1800).split(45):
        opt.zero_grad()
        nn.functional.mse_loss(net(x[b]), y[b]).backward()
        opt.step()
    sched.step()
    if epoch % 5 == 4:
        with torch.no_grad():
            print(
                f"{epoch + 1:3d} train {nn.functional.mse_loss(net(x[tr]), y[tr]):.4f} val {nn.functional.mse_loss(net(x[va]), y[va]):.4f}"
            )
