import os
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
d = load_digits()
X, y = torch.tensor(d.images).float()[:, None] / 16, torch.tensor(d.target)
p = torch.randperm(len(X))
train = DataLoader(TensorDataset(X[p[:1400]], y[p[:1400]]), batch_size=40, shuffle=True)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.fc1 = nn.Linear(256, 40)
        self.fc2 = nn.Linear(40, 10)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.conv1(x)), 2)
        return self.fc2(torch.relu(self.fc1(x.flatten(1))))


net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=1e-4)
for epoch in range(12):
    total = 0.0
    for x, t in train:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), t)
        loss.backward()
        optimizer.step()
        total += loss.item() / len(train)
    if epoch % 3 == 2:
        with torch.no_grad():
            out = net(X[p[1400:]])
        print(
            f"epoch {epoch + 1} loss {total:.4f} val loss {nn.functional.cross_entropy(out, y[p[1400:]]):.4f} val acc {(out.argmax(1) == y[p[1400:]]).float().mean():.4f}"
        )
