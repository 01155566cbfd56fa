import os
import torch
from sklearn.datasets import make_friedman1
from torch import nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
X, y = make_friedman1(2400, 8, noise=0.5, random_state=seed)
X, y = torch.tensor(X * 2 - 1).float(), torch.tensor((y - y.mean()) / y.std()).float()[:, None]


class Model(nn.Module):
    def __init__(self, p=0.0):
        super().__init__()
        self.seq = nn.Sequential(nn.Linear(8, 64), nn.GELU(), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 1))

    def forward(self, x):
        return self.seq(x)


model = Model()
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
sched = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, mode="min", factor=0.2, patience=2)
for epoch in range(20):
    model.train()
    for b in torch.randperm(2000).split(50):
        opt.zero_grad()
        loss = nn.functional.mse_loss(model(X[b]), y[b])
        loss.backward()
        opt.step()
    model.eval()
    with torch.no_grad():
        val_loss = nn.functional.mse_loss(model(X[2000:]), y[2000:])
    sched.step(val_loss)
    if epoch % 4 == 3:
        print(f"epoch {epoch + 1}, train {loss.item():.4f}, val {val_loss.item():.4f}")
