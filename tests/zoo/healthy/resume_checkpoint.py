import os
import tempfile

import torch
from sklearn.datasets import make_regression
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

X, y = make_regression(2000, n_features=15, n_informative=10, noise=15.0, random_state=2)
X, y = torch.tensor(X).float(), torch.tensor(y).float()
y = y + 40 * torch.sin(2 * X[:, 0]) * X[:, 1]
y = (y - y.mean()) / y.std()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin1 = nn.Linear(15, 40)
        self.lin2 = nn.Linear(40, 20)
        self.lin3 = nn.Linear(20, 1)

    def forward(self, x):
        x = nn.functional.relu(self.lin1(x))
        x = nn.functional.relu(self.lin2(x))
        return self.lin3(x)[:, 0]


def fresh():
    net = Net()
    optim = torch.optim.Adam(net.parameters(), lr=3e-3, weight_decay=1e-4)
    return net, optim, torch.optim.lr_scheduler.StepLR(optim, 10, 0.3)


def run(net, optim, sched, first, last, path):
    for epoch in range(first, last):
        for rows in torch.randperm(1600).split(40):
            optim.zero_grad()
            loss = nn.functional.mse_loss(net(X[rows]), y[rows])
            loss.backward()
            optim.step()
        sched.step()
        with torch.no_grad():
            val = nn.functional.mse_loss(net(X[1600:]), y[1600:]).item()
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1}: batch {loss.item():.4f} val {val:.4f}")
    torch.save({"net": net.state_dict(), "optim": optim.state_dict(), "sched": sched.state_dict(), "epoch": last}, path)


with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "last.pt")
    run(*fresh(), 0, 10, path)
    net, optim, sched = fresh()
    ckpt = torch.load(path)
    net.load_state_dict(ckpt["net"])
    optim.load_state_dict(ckpt["optim"])
    sched.load_state_dict(ckpt["sched"])
    print("resumed at epoch", ckpt["epoch"])
    run(net, optim, sched, ckpt["epoch"], 25, path)
