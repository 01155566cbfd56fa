# how well can two noisy half moons be separated? hold-out estimate
import os
import torch
import torch.nn as nn
from sklearn.datasets import make_moons
from torch.utils.data import DataLoader, Subset, TensorDataset

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

features, labels = make_moons(n_samples=2000, noise=0.25, random_state=SEED)
features = (features - features.mean(0)) / features.std(0)
dataset = TensorDataset(torch.tensor(features, dtype=torch.float32), torch.tensor(labels, dtype=torch.float32))

n_val = len(dataset) // 5
perm = torch.randperm(len(dataset)).tolist()
train_ds = Subset(dataset, perm[:-n_val])
val_ds = Subset(dataset, perm[-n_val:])
train_dl = DataLoader(train_ds, batch_size=32, shuffle=True)
val_dl = DataLoader(val_ds, batch_size=200)


class Net(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.l1 = nn.Linear(2, width)
        self.l2 = nn.Linear(width, width)
        self.l3 = nn.Linear(width, 1)

    def forward(self, x):
        x = torch.relu(self.l1(x))
        x = torch.relu(self.l2(x))
        return self.l3(x)[:, 0]


def run(loader, opt=None):
    net.train(opt is not None)
    loss_sum = hits = 0.0
    with torch.set_grad_enabled(opt is not None):
        for x, y in loader:
            out = net(x)
            loss = criterion(out, y)
            if opt is not None:
                opt.zero_grad()
                loss.backward()
                opt.step()
            loss_sum += loss.item() * len(y)
            hits += ((out > 0).float() == y).sum().item()
    n = len(loader.dataset)
    return loss_sum / n, hits / n


net = Net()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
lr_sched = torch.optim.lr_scheduler.MultiStepLR(optimizer, [15, 22], 0.2)
for epoch in range(28):
    tl, ta = run(train_dl, optimizer)
    vl, va = run(val_dl)
    lr_sched.step()
    print(f"{epoch + 1:02d} | train {tl:.3f}/{ta:.3f} | hold-out {vl:.3f}/{va:.3f}")
