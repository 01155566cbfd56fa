"""Effective batch of 64 made from micro-batches of 8."""

import os
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

features, labels = load_digits(return_X_y=True)
ds = TensorDataset(torch.tensor(features / 16.0).float(), torch.tensor(labels))
train_ds, val_ds = torch.utils.data.random_split(ds, [1408, len(ds) - 1408])
loader = DataLoader(train_ds, batch_size=8, shuffle=True)
accumulation_steps = 8

model = nn.Sequential(nn.Linear(64, 48), nn.LayerNorm(48), nn.ReLU(), nn.Dropout(0.3), nn.Linear(48, 10))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.1)
n_updates = 10 * len(loader) // accumulation_steps
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, total_steps=n_updates)
criterion = nn.CrossEntropyLoss()

for epoch in range(10):
    model.train()
    total = 0.0
    for i, (x, t) in enumerate(loader, 1):
        loss = criterion(model(x), t)
        (loss / accumulation_steps).backward()
        total += loss.item()
        if i % accumulation_steps == 0:
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
    if epoch % 3 == 0:
        model.eval()
        with torch.no_grad():
            xv, tv = zip(*val_ds)
            out = model(torch.stack(xv))
            tv = torch.stack(tv)
        print(
            epoch + 1,
            "train",
            round(total / len(loader), 4),
            "val",
            round(criterion(out, tv).item(), 4),
            "acc",
            round((out.argmax(1) == tv).float().mean().item(), 4),
        )
