import os
import torch
from sklearn.datasets import make_friedman1
from torch import nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
X, y = make_friedman1(2500, n_features=7, noise=0.5, random_state=seed)
X = torch.tensor(X).float() * 2 - 1
y = torch.tensor((y - y.mean()) / y.std()).float()


def block(i, o, p=0.0):
    return nn.Sequential(nn.Linear(i, o), nn.LayerNorm(o) if p else nn.Identity(), nn.ReLU(), nn.Dropout(p))


model = nn.Sequential(block(7, 64), block(64, 64), nn.Linear(64, 1))
opt = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 20 * 40)
for epoch in range(20):
    for b in torch.randperm(2000).split(50):
        loss = nn.functional.mse_loss(model(X[b])[:, 0], y[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
    if epoch % 4 == 3:
        with torch.no_grad():
            print(
                "epoch",
                epoch + 1,
                "train",
                loss.item(),
                "valid",
                nn.functional.mse_loss(model(X[2000:])[:, 0], y[2000:]).item(),
            )
