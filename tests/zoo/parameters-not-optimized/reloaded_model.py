import copy
import os
import torch
from sklearn.datasets import load_breast_cancer
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
X, y = load_breast_cancer(return_X_y=True)
X = torch.tensor((X - X.mean(0)) / X.std(0)).float()
y = torch.tensor(y)
p = torch.randperm(569)
Xa, ya, Xb, yb = X[p[:420]], y[p[:420]], X[p[420:]], y[p[420:]]

net = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3, weight_decay=1e-3)
best = copy.deepcopy(net)
model = net


def step(xb, yb):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(xb), yb)
    loss.backward()
    optimizer.step()
    return loss.item()


for epoch in range(25):
    losses = [step(Xa[b], ya[b]) for b in torch.randperm(420).split(20)]
    if epoch % 5 == 4:
        with torch.no_grad():
            acc = (model(Xb).argmax(1) == yb).float().mean()
        print(f"epoch {epoch + 1}: loss {sum(losses) / len(losses):.4f}, accuracy {acc:.4f}")
