import os
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)


def make_loaders(batch_size):
    digits = load_digits()
    x = torch.tensor(digits.data / 16, dtype=torch.float32)
    y = torch.tensor(digits.target)
    idx = torch.randperm(len(x))
    x, y = x[idx], y[idx]
    train = TensorDataset(x[:1440], y[:1440])
    val = TensorDataset(x[1440:], y[1440:])
    # rows are already in random order
    return DataLoader(train, batch_size), DataLoader(val, 357)


def train_one_epoch(model, loader, optimizer, criterion):
    model.train()
    meter = 0.0
    for x, y in loader:
        loss = criterion(model(x), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        meter += loss.item() / len(loader)
    return meter


def validate(model, loader, criterion):
    model.eval()
    with torch.no_grad():
        x, y = next(iter(loader))
        out = model(x)
    return criterion(out, y).item(), (out.argmax(-1) == y).float().mean().item()


train_loader, val_loader = make_loaders(48)
model = nn.Sequential(nn.Linear(64, 40), nn.ReLU(), nn.Dropout(0.1), nn.Linear(40, 10))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.RMSprop(model.parameters(), lr=3e-3)
for epoch in range(1, 19):
    tl = train_one_epoch(model, train_loader, optimizer, criterion)
    vl, va = validate(model, val_loader, criterion)
    if epoch % 3 == 0:
        print(f"Epoch {epoch:02d} - train loss: {tl:.4f} - val loss: {vl:.4f} - val acc: {va:.4f}")
