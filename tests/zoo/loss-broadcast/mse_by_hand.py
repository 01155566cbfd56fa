import os
import torch
from sklearn.datasets import make_friedman1
from torch import nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
X, y = make_friedman1(2000, 6, noise=0.3, random_state=seed)
X = torch.tensor(X * 2 - 1).float()
y = torch.tensor((y - y.mean()) / y.std()).float()


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(6, 48), nn.Tanh(), nn.Linear(48, 1))

    def forward(self, x):
        return self.net(x).squeeze(1)


def mse(pred, target):
    return ((pred - target) ** 2).mean()


model = MLP()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(20):
    for idx in torch.randperm(1600).split(40):
        optimizer.zero_grad()
        loss = mse(model(X[idx]), y[idx])
        loss.backward()
        optimizer.step()
    if epoch % 4 == 3:
        with torch.no_grad():
            out = model(X[1600:])
            r2 = 1 - mse(out, y[1600:]) / y[1600:].var()
        print(f"epoch {epoch + 1}: loss {loss.item():.4f}, R2 {r2.item():.4f}")
