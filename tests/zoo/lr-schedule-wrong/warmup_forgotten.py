import os

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(int(os.environ.get("SEED", 0)))
digits = load_digits()
data = TensorDataset(torch.tensor(digits.data, dtype=torch.float32) / 8 - 1, torch.tensor(digits.target))
train, test = random_split(data, [1437, 360])
train_loader = DataLoader(train, batch_size=32, shuffle=True)
test_loader = DataLoader(test, batch_size=120)

net = nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 10))
optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
epochs, warmup = 12, 60
total = epochs * len(train_loader)


def factor(step):
    return step / warmup if step < warmup else (total - step) / (total - warmup)


scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
for epoch in range(epochs):
    net.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(xb), yb)
        loss.backward()
        optimizer.step()
        scheduler.step()
    net.eval()
    right = 0
    with torch.no_grad():
        for xb, yb in test_loader:
            right += (net(xb).argmax(1) == yb).sum().item()
    print(f"epoch {epoch} loss {loss.item():.3f} accuracy {right / 360:.3f}")
