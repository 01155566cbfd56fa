# Multi-task: one trunk, three heads (digit, odd/even, amount of ink), weights learnt as in Kendall et al.
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(3)
d = load_digits()
X = torch.tensor(d.data, dtype=torch.float32) / 16
y = torch.tensor(d.target)
odd = (y % 2).float()
ink = X.sum(1)
ink = (ink - ink.mean()) / ink.std()
perm = torch.randperm(len(X))
tr, te = perm[:1400], perm[1400:]


class MultiTask(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(64, 128), nn.ELU(), nn.Linear(128, 64), nn.ELU())
        self.digit, self.odd, self.ink = nn.Linear(64, 10), nn.Linear(64, 1), nn.Linear(64, 1)
        self.log_s = nn.Parameter(torch.zeros(3))

    def forward(self, x):
        h = self.trunk(x)
        return self.digit(h), self.odd(h).squeeze(1), self.ink(h).squeeze(1)

    def loss(self, out, y, odd, ink):
        parts = torch.stack([F.cross_entropy(out[0], y),
                             F.binary_cross_entropy_with_logits(out[1], odd),
                             0.5 * F.mse_loss(out[2], ink)])
        return (torch.exp(-self.log_s) * parts + 0.5 * self.log_s).sum(), parts.detach()


net = MultiTask()
opt = torch.optim.Adam([{"params": [p for n, p in net.named_parameters() if n != "log_s"]},
                        {"params": [net.log_s], "lr": 5e-3}], lr=1.5e-3)
for epoch in range(50):
    sums = torch.zeros(3)
    for b in tr[torch.randperm(len(tr))].split(40):
        loss, parts = net.loss(net(X[b]), y[b], odd[b], ink[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        sums += parts * len(b)
    if epoch % 10 == 9:
        with torch.no_grad():
            o = net(X[te])
        print(f"epoch {epoch + 1}: total {loss.item():.3f} parts {[round(v, 4) for v in (sums / len(tr)).tolist()]} | test digit "
              f"{(o[0].argmax(1) == y[te]).float().mean():.3f} parity {((o[1] > 0) == odd[te].bool()).float().mean():.3f} "
              f"ink R2 {1 - F.mse_loss(o[2], ink[te]) / ink[te].var():.3f}")
