"""Handwritten digits in mixed precision, with gradient clipping."""

import os

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(int(os.environ.get("SEED", "0")))
torch.set_num_threads(1)

data, target = load_digits(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(data / 16, target, test_size=0.2, random_state=1)
train_set = TensorDataset(torch.tensor(x_train, dtype=torch.float32), torch.tensor(y_train))
train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
x_test, y_test = torch.tensor(x_test, dtype=torch.float32), torch.tensor(y_test)

model = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 10))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scaler = torch.amp.GradScaler("cpu")

for epoch in range(8):
    model.train()
    running = 0.0
    for images, labels in train_loader:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.float16):
            loss = criterion(model(images), labels)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        scaler.step(optimizer)
        scaler.update()
        running += loss.item()
    model.eval()
    with torch.no_grad():
        accuracy = (model(x_test).argmax(1) == y_test).float().mean().item()
    print(f"epoch {epoch}: loss {running / len(train_loader):.4f}, test accuracy {accuracy:.3f}")
