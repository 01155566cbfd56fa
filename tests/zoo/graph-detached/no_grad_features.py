import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3, stride=2, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
        )
        self.classifier = nn.Linear(32, 10)

    def features(self, x):
        return self.conv(x).flatten(start_dim=1)

    def forward(self, x):
        return self.classifier(self.features(x))


data = load_digits()
dataset = TensorDataset(torch.tensor(data.images[:, None] / 16, dtype=torch.float32), torch.tensor(data.target))
train_set, val_set = random_split(dataset, [1400, 397])
train_loader = DataLoader(train_set, batch_size=28, shuffle=True)
val_loader = DataLoader(val_set, batch_size=397)
model = ConvNet()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
for epoch in range(1, 11):
    model.train()
    train_loss = 0
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() / len(train_loader)
    scheduler.step()
    model.eval()
    for x, y in val_loader:
        with torch.no_grad():
            out = model(x)
        print(
            f"Epoch {epoch} train_loss: {train_loss:.4f} val_loss: {F.cross_entropy(out, y):.4f} val_acc: {(out.argmax(1) == y).float().mean():.4f}"
        )
