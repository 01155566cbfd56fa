import os
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)
CONFIG = {"lr": 0.02, "momentum": 0.9, "epochs": 8, "batch": 32}

d = load_digits()
images = torch.tensor(d.images, dtype=torch.float32)[:, None] / 16
a, b, c, e = train_test_split(images, torch.tensor(d.target), test_size=0.25, random_state=1)
train_loader = DataLoader(TensorDataset(a, c), CONFIG["batch"], shuffle=True)

model = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1),
    nn.ReLU(),
    nn.Conv2d(8, 16, 3, padding=1, stride=2),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(256, 10),
)
optimizer = torch.optim.SGD(model.parameters(), lr=CONFIG["lr"], momentum=CONFIG["momentum"], weight_decay=1e-3)
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[5, 7], gamma=0.2)
for epoch in range(CONFIG["epochs"]):
    losses = []
    for x, y in train_loader:
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    scheduler.step()
    with torch.no_grad():
        out = model(b)
    print(
        f"epoch {epoch} train loss {torch.stack(losses).mean():.4f} test loss {nn.functional.cross_entropy(out, e):.4f} test acc {(out.argmax(1) == e).float().mean():.4f}"
    )
