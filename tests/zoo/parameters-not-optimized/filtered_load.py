"""Tell groups of digits apart by a frozen backbone that was trained to tell all ten, from a checkpoint."""

import os
import tempfile

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16
labels = torch.tensor(digits.target)
order = torch.randperm(len(images))
images, labels = images[order], labels[order]


class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Flatten(),
            nn.Linear(512, 48), nn.ReLU(),
        )
        self.fc = nn.Linear(48, classes)

    def forward(self, x):
        return self.fc(self.backbone(x))


class Task(nn.Module):
    """What is saved: a model with its loss, as in many frameworks."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def loss(self, x, y):
        return F.cross_entropy(self.model(x), y)


def train(task, parameters, x, y, epochs, rate):
    optimizer = torch.optim.Adam(parameters, lr=rate)
    for epoch in range(epochs):
        total = 0.0
        for chosen in torch.randperm(1400).split(50):
            loss = task.loss(x[chosen], y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(chosen)
        with torch.no_grad():
            right = (task.model(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
        print(f"epoch {epoch} loss {total / 1400:.4f} accuracy {right:.4f}")


first = Task(Net(10))
train(first, first.parameters(), images, labels, 8, 2e-3)
path = os.path.join(tempfile.mkdtemp(), "last.ckpt")
torch.save({"epoch": 8, "state_dict": first.state_dict()}, path)

net = Net(4)
pretrained = {k.removeprefix("model."): v for k, v in torch.load(path)["state_dict"].items()}
own = net.state_dict()
pretrained = {k: v for k, v in pretrained.items() if k in own and v.shape == own[k].shape}
own.update(pretrained)
net.load_state_dict(own)
for p in net.backbone.parameters():
    p.requires_grad = False

train(Task(net), net.fc.parameters(), images, labels // 3, 12, 3e-3)
