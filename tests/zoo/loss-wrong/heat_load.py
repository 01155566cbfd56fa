# Heating load of buildings from their geometry (simulated table), adapted from my classifier notebook
import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, Dataset, random_split

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)


class Buildings(Dataset):
    def __init__(self, n=2500):
        area = np.random.uniform(50, 400, n)
        height = np.random.choice([2.5, 3.0, 3.5, 7.0], n)
        glass = np.random.uniform(0, 0.4, n)
        insul = np.random.uniform(0.1, 1.2, n)
        facing = np.random.randint(0, 4, n)
        load = (
            0.05 * area * insul * (1 + glass)
            + 4 * height * glass
            - 3 * glass * (facing == 2)
            + np.random.normal(0, 0.4, n)
        )
        table = np.column_stack([area, height, glass, insul, np.eye(4)[facing]])
        self.x = torch.tensor(StandardScaler().fit_transform(table), dtype=torch.float32)
        self.y = torch.tensor((load - load.mean()) / load.std(), dtype=torch.float32).unsqueeze(1)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


data = Buildings()
train_set, test_set = random_split(data, [2000, 500])
train_loader = DataLoader(train_set, batch_size=50, shuffle=True)
test_loader = DataLoader(test_set, batch_size=500)

model = nn.Sequential(
    nn.Linear(8, 32),
    nn.LeakyReLU(),
    nn.Linear(32, 32),
    nn.LeakyReLU(),
    nn.Linear(32, 1),
)
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9, nesterov=True)
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [15, 22], gamma=0.2)


def run_epoch(loader, train):
    model.train(train)
    losses, true, pred = [], [], []
    with torch.set_grad_enabled(train):
        for x, y in loader:
            out = model(x)
            loss = criterion(out, y)
            if train:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            losses.append(loss.item())
            true.append(y.numpy())
            pred.append(out.detach().numpy())
    return np.mean(losses), r2_score(np.concatenate(true), np.concatenate(pred))


for epoch in range(28):
    tr_loss, tr_r2 = run_epoch(train_loader, True)
    te_loss, te_r2 = run_epoch(test_loader, False)
    scheduler.step()
    print(f"{epoch}: loss {tr_loss:.4f}/{te_loss:.4f}  train_r2 {tr_r2:.3f}  test_r2 {te_r2:.3f}")
