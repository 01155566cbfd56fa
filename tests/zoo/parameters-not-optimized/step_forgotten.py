"""Wine cultivars by a small network; gradients are clipped and logged."""

import os

import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(int(os.environ.get("SEED", "0")))

wine = load_wine()
x_train, x_test, y_train, y_test = train_test_split(
    wine.data, wine.target, test_size=0.3, stratify=wine.target, random_state=1
)
scaler = StandardScaler().fit(x_train)
train = TensorDataset(torch.tensor(scaler.transform(x_train), dtype=torch.float32), torch.tensor(y_train))
test = TensorDataset(torch.tensor(scaler.transform(x_test), dtype=torch.float32), torch.tensor(y_test))

net = nn.Sequential(nn.Linear(13, 24), nn.ReLU(), nn.Dropout(0.1), nn.Linear(24, 3))
optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
criterion = nn.CrossEntropyLoss()

for epoch in range(40):
    net.train()
    largest = 0.0
    for x, y in DataLoader(train, batch_size=16, shuffle=True):
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        largest = max(largest, float(nn.utils.clip_grad_norm_(net.parameters(), 5.0)))
        optimizer.step()
    net.eval()
    with torch.no_grad():
        right = sum(int((net(x).argmax(1) == y).sum()) for x, y in DataLoader(test, batch_size=64))
    if epoch % 5 == 4:
        print(
            f"epoch {epoch + 1}: loss {loss.item():.3f}, largest gradient {largest:.2f}, right {right / len(test):.3f}"
        )
