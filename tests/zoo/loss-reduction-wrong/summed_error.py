import os
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import make_friedman1

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

x, y = make_friedman1(1500, n_features=6, noise=0.6, random_state=SEED)
x = torch.as_tensor(x, dtype=torch.float32) * 2 - 1
y = torch.as_tensor((y - y.mean()) / y.std(), dtype=torch.float32).unsqueeze(-1)
train_ds, test_ds = TensorDataset(x[:1200], y[:1200]), TensorDataset(x[1200:], y[1200:])
train_dl = DataLoader(train_ds, batch_size=50, shuffle=True)

net = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 1))
loss_fn = nn.MSELoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.6, weight_decay=1e-4)
lr_scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=30)
for epoch in range(30):
    for inputs, target in train_dl:
        loss = loss_fn(net(inputs), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    lr_scheduler.step()
    if (epoch + 1) % 6 == 0:
        with torch.no_grad():
            a, b = loss_fn(net(x[:1200]), y[:1200]), loss_fn(net(x[1200:]), y[1200:])
            r2 = 1 - (net(x[1200:]) - y[1200:]).var() / y[1200:].var()
        print("Epoch: {}  Train: {:.4g}  Test: {:.4g}  R2: {:.3f}".format(epoch + 1, a, b, r2))
