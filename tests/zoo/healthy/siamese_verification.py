# Verification: are two digits the same class? Siamese net, contrastive loss (Hadsell et al.)
import torch, torch.nn as nn, torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
torch.manual_seed(9)
d = load_digits()
X = torch.tensor(d.data, dtype=torch.float32) / 16
y = torch.tensor(d.target)
p = torch.randperm(len(X)); X, y = X[p], y[p]
Xtr, ytr, Xte, yte = X[:1300], y[:1300], X[1300:], y[1300:]

def pairs(X, y, n):
    """half of the pairs positive"""
    i = torch.randint(len(X), (n,))
    j = torch.randint(len(X), (n,))
    for k in range(0, n, 2):
        same = (y == y[i[k]]).nonzero().flatten()
        j[k] = same[torch.randint(len(same), (1,))]
    return X[i], X[j], (y[i] == y[j]).float()

class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 16))
    def forward(self, x):
        return F.normalize(self.net(x), dim=1)

def distance(a, b):
    return ((a - b) ** 2).sum(1).add(1e-8).sqrt()

enc = Encoder()
opt = torch.optim.RMSprop(enc.parameters(), lr=1e-3)
margin = 1.0
run = None
for it in range(1, 801):
    a, b, same = pairs(Xtr, ytr, 64)
    dist = distance(enc(a), enc(b))
    loss = (same * dist ** 2 + (1 - same) * F.relu(margin - dist) ** 2).mean()
    opt.zero_grad(); loss.backward(); opt.step()
    run = loss.item() if run is None else 0.98 * run + 0.02 * loss.item()
    if it % 100 == 0:
        with torch.no_grad():
            a, b, same = pairs(Xte, yte, 1000)
            auc = roc_auc_score(same.numpy(), -distance(enc(a), enc(b)).numpy())
        print(f"it {it} smoothed loss {run:.4f} verification AUC (unseen) {auc:.4f}")
with torch.no_grad():
    zt, zq = enc(Xtr), enc(Xte)
    nn1 = ytr[torch.cdist(zq, zt).argmin(1)]
print("1-NN accuracy in the embedding:", (nn1 == yte).float().mean().item())
