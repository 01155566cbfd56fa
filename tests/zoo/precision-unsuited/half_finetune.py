"""Pre-train on the digits 0-4, move the network to half precision to save memory, fine-tune on 5-9."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(4)
d = load_digits()
X = torch.tensor(d.data, dtype=torch.float32) / 8 - 1
y = torch.tensor(d.target)
g = torch.randperm(len(X))
X, y = X[g], y[g]
old, new = y < 5, y >= 5


class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 96), nn.ReLU())
        self.head = nn.Linear(96, classes)

    def forward(self, x):
        return self.head(self.trunk(x))


def run(net, X, y, opt, epochs, name):
    n = int(0.75 * len(X))
    for e in range(1, epochs + 1):
        losses = []
        for idx in torch.randperm(n).split(32):
            loss = F.cross_entropy(net(X[idx]).float(), y[idx])
            opt.zero_grad(set_to_none=True)
            loss.backward()
            opt.step()
            losses.append(loss.item())
        with torch.no_grad():
            acc = (net(X[n:]).argmax(1) == y[n:]).float().mean().item()
        print(f"{name:9s} epoch {e}  loss {sum(losses) / len(losses):.4f}  held-out acc {acc:.3f}")


net = Net(5)
run(net, X[old], y[old], torch.optim.Adam(net.parameters(), lr=1e-3), 6, "pretrain")

net.head = nn.Linear(96, 5)
net = net.half()
opt = torch.optim.Adam([
    {"params": net.trunk.parameters(), "lr": 2e-4},
    {"params": net.head.parameters(), "lr": 1e-3},
], eps=1e-4)
run(net, X[new].half(), y[new] - 5, opt, 8, "fine-tune")
