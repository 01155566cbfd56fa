import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


def augment(x):
    x = torch.roll(x, int(torch.randint(-1, 2, ())), dims=3)
    return x


digits = load_digits()
x = torch.tensor(digits.images).float()[:, None] / 16
y = torch.tensor(digits.target)
p = torch.randperm(len(x))
x, y = x[p], y[p]
x_train, y_train, x_valid, y_valid = x[:1400], y[:1400], x[1400:], y[1400:]

model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(16, 24, 3, padding=1),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(24 * 16, 10),
)
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 14)
for epoch in range(14):
    mean_loss = 0
    for idx in torch.randperm(1400).split(28):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(augment(x_train[idx])), y_train[idx])
        loss.backward()
        optimizer.step()
        mean_loss += loss.item() / 50
    scheduler.step()
    with torch.no_grad():
        z = model(x_valid)
    print(
        f"epoch {epoch + 1}, loss {mean_loss:.3f}, valid loss {F.cross_entropy(z, y_valid):.3f}, valid {(z.argmax(1) == y_valid).float().mean():.3f}"
    )
