import os
import sys
import torch
import torch.nn as nn
import torch.nn.functional as F
from mlxtend.data import autompg_data

torch.set_num_threads(1)
seed = int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[1] == "--seed" else int(os.environ.get("SEED", 0))
torch.manual_seed(seed)

# fuel use of 392 cars
X, mpg = autompg_data()
X = torch.tensor(X[:, :7].astype("float32"))
mpg = torch.tensor(mpg.astype("float32"))
perm = torch.randperm(len(X))
X, mpg = X[perm], mpg[perm]
train, test = slice(0, 300), slice(300, 392)
X = (X - X[train].mean(0)) / X[train].std(0)
mpg = (mpg - mpg[train].mean()) / mpg[train].std()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inp = nn.Linear(7, 12)
        self.out = nn.Linear(12, 1)

    def forward(self, x):
        h = F.relu(self.inp(x))
        return self.out(h)[:, 0]


net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.03, momentum=0.9, weight_decay=1e-2)
sched = torch.optim.lr_scheduler.StepLR(opt, step_size=15, gamma=0.3)
for epoch in range(40):
    for b in torch.randperm(300).view(10, 30):
        loss = F.mse_loss(net(X[train][b]), mpg[train][b])
        opt.zero_grad()
        loss.backward()
        opt.step()
    sched.step()
    if (epoch + 1) % 8 == 0:
        with torch.no_grad():
            a = F.mse_loss(net(X[train]), mpg[train]).item()
            b = F.mse_loss(net(X[test]), mpg[test]).item()
        print(f"after {epoch + 1} epochs: train {a:.3f}, test {b:.3f}, R^2 {1 - b / mpg[test].var().item():.3f}")
