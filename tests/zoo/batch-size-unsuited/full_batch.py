import os
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X).float().view(-1, 1, 8, 8) / 16, torch.tensor(y)
p = torch.randperm(len(X))
BATCH_SIZE = 20
loader = DataLoader(TensorDataset(X[p[:1400]], y[p[:1400]]), batch_size=BATCH_SIZE, shuffle=True)
net = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.ReLU(),
    nn.Conv2d(16, 16, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(256, 10),
)
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
for epoch in range(10):
    net.train()
    total = count = 0
    for x, t in loader:
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(x), t)
        loss.backward()
        opt.step()
        total += loss.item()
        count += 1
    net.eval()
    with torch.no_grad():
        acc = (net(X[p[1400:]]).argmax(1) == y[p[1400:]]).float().mean().item()
    print(f"epoch {epoch + 1} loss {total / count:.4f} accuracy {acc:.4f}")
