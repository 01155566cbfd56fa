import os
import torch
from torch import nn, optim
from torch.utils.data import TensorDataset, DataLoader, random_split
from sklearn.datasets import load_digits

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)

digits = load_digits()
ds = TensorDataset(torch.tensor(digits.data / 16, dtype=torch.float), torch.tensor(digits.target))
train_ds, valid_ds = random_split(ds, [0.8, 0.2])
train_dl = DataLoader(train_ds, batch_size=24, shuffle=True)
valid_dl = DataLoader(valid_ds, batch_size=100)

model = nn.Sequential(nn.Linear(64, 60), nn.Tanh(), nn.Linear(60, 10))
optimizer = optim.SGD(model.parameters(), lr=0.1, weight_decay=1e-3)
loss_func = nn.CrossEntropyLoss()


def fit(epochs):
    for epoch in range(epochs):
        model.train()
        s = 0.0
        for xb, yb in train_dl:
            loss = loss_func(model(xb), yb)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            s += loss.item() * len(xb)
        model.eval()
        with torch.no_grad():
            outs = [(model(xb), yb) for xb, yb in valid_dl]
        vl = sum(loss_func(o, yb).item() * len(yb) for o, yb in outs) / len(valid_ds)
        va = sum((o.argmax(1) == yb).sum().item() for o, yb in outs) / len(valid_ds)
        if epoch % 5 == 4:
            print(f"{epoch + 1}: train loss {s / len(train_ds):.4f}, valid loss {vl:.4f}, valid accuracy {va:.4f}")


fit(25)
