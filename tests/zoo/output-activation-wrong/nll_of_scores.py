"""Handwritten digits, 8 x 8."""

import os
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from sklearn.datasets import load_digits

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv = nn.Conv2d(1, 12, kernel_size=3)
        self.fc1 = nn.Linear(12 * 9, 32)
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv(x), 2))
        x = x.view(-1, 12 * 9)
        x = F.relu(self.fc1(x))
        x = self.fc2(x)
        return F.log_softmax(x, dim=1)


digits = load_digits()
data = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16.0
label = torch.tensor(digits.target, dtype=torch.long)
rand = torch.randperm(data.size(0))
train_x, valid_x = data[rand[:1400]], data[rand[1400:]]
train_y, valid_y = label[rand[:1400]], label[rand[1400:]]

model = Net()
optimizer = optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-3)


def train(epoch):
    model.train()
    for batch_idx in range(0, 1400, 50):
        x, y = train_x[batch_idx : batch_idx + 50], train_y[batch_idx : batch_idx + 50]
        optimizer.zero_grad()
        output = model(x)
        loss = F.nll_loss(output, y)
        loss.backward()
        optimizer.step()
    print("Train Epoch: {} \tLoss: {:.6f}".format(epoch, loss.item()))


def test():
    model.eval()
    with torch.no_grad():
        output = model(valid_x)
        loss = F.nll_loss(output, valid_y)
        pred = output.argmax(dim=1, keepdim=True)
        acc = pred.eq(valid_y.view_as(pred)).float().mean()
    print("Valid \tLoss: {:.6f} acc: {:.4f}".format(loss.item(), acc.item()))


for epoch in range(1, 13):
    train(epoch)
    test()
