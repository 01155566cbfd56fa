import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(int(os.environ.get("SEED", 0)))


class Tumours(Dataset):
    def __init__(self, X, y):
        self.X = X.astype(np.float32)
        self.y = np.where(y == 1, 1.0, 0.0).astype(np.float32)

    def __len__(self):
        return len(self.X)

    def __getitem__(self, i):
        return self.X[i], self.y[i]


X, y = load_breast_cancer(return_X_y=True)
Xa, Xb, ya, yb = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
scaler = StandardScaler().fit(Xa)
train = Tumours(scaler.transform(Xa), ya)
test = Tumours(scaler.transform(Xb), yb)

net = nn.Sequential(nn.Linear(30, 8), nn.ReLU(), nn.Linear(8, 1))
opt = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=1e-3)
bce = nn.BCEWithLogitsLoss()
loader = DataLoader(train, batch_size=16, shuffle=True)
for epoch in range(30):
    seen = 0.0
    for xb, t in loader:
        opt.zero_grad()
        loss = bce(net(xb).squeeze(1), t)
        loss.backward()
        opt.step()
        seen += loss.item() / len(loader)
    if epoch % 5 == 4:
        with torch.no_grad():
            z = net(torch.from_numpy(test.X)).squeeze(1)
            t = torch.from_numpy(test.y)
            acc = ((z > 0) == (t > 0)).float().mean()
        print(f"epoch {epoch + 1} loss {seen:.4f} test loss {bce(z, t):.4f} accuracy {acc:.4f}")
