import os
import warnings
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)

X, y = load_diabetes(return_X_y=True)
X, y = X * 21, (y - 152) / 77
Xt, Xv, yt, yv = (
    torch.tensor(a, dtype=torch.float32) for a in train_test_split(X, y, test_size=0.25, random_state=seed)
)


class Progression(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(10, 16), nn.Tanh(), nn.Linear(16, 1))

    def forward(self, x):
        return self.net(x).squeeze(-1)


model = Progression()
opt = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=0.05)
for epoch in range(24):
    for idx in torch.randperm(len(Xt)).split(33):
        loss = F.mse_loss(model(Xt[idx]), yt[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 4 == 3:
        with torch.no_grad():
            pred = model(Xv)
            v = F.mse_loss(pred, yv)
            r2 = 1 - ((pred.flatten() - yv) ** 2).mean() / yv.var()
        print(f"epoch={epoch + 1} train={F.mse_loss(model(Xt).detach(), yt):.4f} val={v:.4f} r2={r2:.3f}")
