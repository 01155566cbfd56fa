import os
import torch
from torch import nn
from sklearn.datasets import make_moons

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


def moons(n, state):
    x, y = make_moons(n, noise=0.15, random_state=state)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32).reshape(-1, 1)


x, y = moons(1000, 1)
xv, yv = moons(400, 2)
model = nn.Sequential(
    nn.Linear(2, 24),
    nn.ReLU(),
    nn.Linear(24, 1),
    nn.Flatten(),
    nn.Sigmoid(),
)
loss_fn = nn.BCELoss()
opt = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(40):
    for i in range(0, 1000, 50):
        opt.zero_grad()
        l = loss_fn(model(x[i : i + 50]), y[i : i + 50])
        l.backward()
        opt.step()
    if epoch % 8 == 7:
        with torch.no_grad():
            p = model(xv)
            print(
                f"epoch {epoch + 1} loss {loss_fn(model(x), y):.4f} val {loss_fn(p, yv):.4f} accuracy {((p > 0.5) == (yv > 0.5)).float().mean():.3f}"
            )
