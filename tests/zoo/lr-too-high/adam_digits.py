import os
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)

batch_size = 32
epochs = 20
learning_rate = 0.002

data = load_digits()
x = torch.FloatTensor(data.data) / 16.0
y = torch.LongTensor(data.target)
ids = torch.randperm(len(x))
train_ids, val_ids = ids[:1440], ids[1440:]

model = nn.Sequential(nn.Linear(64, 50), nn.ReLU(), nn.Linear(50, 50), nn.ReLU(), nn.Linear(50, 10))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, weight_decay=1e-3)

for epoch in range(epochs):
    train_ids = train_ids[torch.randperm(len(train_ids))]
    running_loss = 0.0
    for i in range(0, len(train_ids), batch_size):
        inputs, labels = x[train_ids[i : i + batch_size]], y[train_ids[i : i + batch_size]]
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    with torch.no_grad():
        outputs = model(x[val_ids])
        val_loss = criterion(outputs, y[val_ids]).item()
        val_acc = (torch.max(outputs, 1)[1] == y[val_ids]).sum().item() / len(val_ids)
    if (epoch + 1) % 4 == 0:
        print(
            f"[{epoch + 1:2d}] loss = {running_loss * batch_size / len(train_ids):.3f} val loss = {val_loss:.3f} val acc = {val_acc:.3f}"
        )
