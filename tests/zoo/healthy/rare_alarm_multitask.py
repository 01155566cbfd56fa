"""Machine sensors: time-to-failure (regression) and rare alarm (classification), sampled for balance,
with learned task weights (Kendall et al.)."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.metrics import average_precision_score, balanced_accuracy_score
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

torch.manual_seed(60)
rng = np.random.default_rng(60)
N = 8000
wear, temp, vib = rng.gamma(2, 1, N), rng.normal(60, 8, N), rng.lognormal(0, 0.5, N)
noise = rng.normal(size=(N, 5))
x = np.column_stack([wear, temp, vib, noise]).astype(np.float32)
hours = 1000 * np.exp(-0.4 * wear - 0.03 * (temp - 60)) * (1 + 0.05 * rng.normal(size=N)).clip(0.5)
alarm = (wear * vib + 0.05 * (temp - 60) + 0.4 * rng.normal(size=N) > 6.5).astype(np.float32)
print(f"alarm share {alarm.mean():.3f}")

ntr = 6000
x = (x - x[:ntr].mean(0)) / x[:ntr].std(0)
lt = np.log(hours)
lm, ls = lt[:ntr].mean(), lt[:ntr].std()
X, T, A = torch.tensor(x), torch.tensor((lt - lm) / ls, dtype=torch.float32), torch.tensor(alarm)
w = np.where(alarm[:ntr] == 1, 0.5 / alarm[:ntr].mean(), 0.5 / (1 - alarm[:ntr].mean()))
dl = DataLoader(TensorDataset(X[:ntr], T[:ntr], A[:ntr]), batch_size=128, sampler=WeightedRandomSampler(w, ntr))


class TwoHeads(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(d, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU())
        self.reg, self.cls = nn.Linear(64, 1), nn.Linear(64, 1)
        self.log_var = nn.Parameter(torch.zeros(2))

    def forward(self, x):
        h = self.trunk(x)
        return self.reg(h).squeeze(1), self.cls(h).squeeze(1)

    def loss(self, x, t, a):
        r, c = self(x)
        terms = torch.stack([F.mse_loss(r, t), F.binary_cross_entropy_with_logits(c, a)])
        return (torch.exp(-self.log_var) * terms + self.log_var).sum(), terms.detach()


net = TwoHeads(X.shape[1])
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for ep in range(1, 17):
    net.train()
    parts = torch.zeros(2)
    for b in dl:
        loss, terms = net.loss(*b)
        opt.zero_grad()
        loss.backward()
        opt.step()
        parts += terms / len(dl)
    if ep % 4 == 0:
        net.eval()
        with torch.no_grad():
            r, c = net(X[ntr:])
        r2 = 1 - (r - T[ntr:]).pow(2).mean() / T[ntr:].var()
        truth = alarm[ntr:]
        print(f"epoch {ep:2d} total {loss.item():+.3f} mse {parts[0]:.4f} bce {parts[1]:.4f} | R2 {r2:.3f} "
              f"AP {average_precision_score(truth, c):.3f} bal.acc {balanced_accuracy_score(truth, c > 0):.3f}")
