import os
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_wine

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)

x, y = load_wine(return_X_y=True)
names = np.array(["Barolo", "Grignolino", "Barbera"])[y]
numbers = {name: i for i, name in enumerate(dict.fromkeys(names), start=0)}
x = torch.tensor((x - x.mean(0)) / x.std(0), dtype=torch.float32)
y = torch.tensor([numbers[n] for n in names])
order = torch.randperm(len(x))
train, val = order[:130], order[130:]
model = nn.Sequential(nn.Linear(13, 10), nn.ReLU(), nn.Linear(10, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3, weight_decay=1e-2)
criterion = nn.CrossEntropyLoss()
for epoch in range(1, 22):
    for b in train[torch.randperm(130)].split(13):
        optimizer.zero_grad()
        loss = criterion(model(x[b]), y[b])
        loss.backward()
        optimizer.step()
    if epoch % 3 == 0:
        with torch.no_grad():
            out = model(x[val])
            print(
                f"epoch {epoch} train {criterion(model(x[train]), y[train]):.4f} val {criterion(out, y[val]):.4f} accuracy {(out.argmax(1) == y[val]).float().mean():.3f}"
            )
