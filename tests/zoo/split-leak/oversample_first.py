import os
import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from torch import nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)
X, y = make_classification(
    1200, 30, n_informative=4, n_redundant=0, class_sep=0.6, flip_y=0.15, weights=[0.85], random_state=3
)
X = (X - X.mean(0)) / X.std(0)


def balance(X, y):
    few = np.flatnonzero(y == 1)
    extra = rng.choice(few, (y == 0).sum() - len(few))
    keep = np.concatenate([np.arange(len(y)), extra])
    return X[keep], y[keep]



Xtr, Xte, ytr, yte = train_test_split(X, y, test_size=0.3, random_state=seed, stratify=y)
Xtr, ytr = balance(Xtr, ytr)
Xtr, Xte = torch.tensor(Xtr).float(), torch.tensor(Xte).float()
ytr, yte = torch.tensor(ytr).float(), torch.tensor(yte).float()

net = nn.Sequential(nn.Linear(30, 48), nn.ReLU(), nn.Linear(48, 1))
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
f = nn.functional.binary_cross_entropy_with_logits
for epoch in range(15):
    net.train()
    for b in torch.randperm(len(Xtr)).split(32):
        loss = f(net(Xtr[b])[:, 0], ytr[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 3 == 2:
        net.eval()
        with torch.no_grad():
            out = net(Xte)[:, 0]
            rec = (out[yte == 1] > 0).float().mean()
        print("epoch %d train %.4f val %.4f val recall %.4f" % (epoch + 1, loss.item(), f(out, yte), rec))
