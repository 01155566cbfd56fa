# homework 3: cultivar of a wine from its chemistry
import os
import numpy as np
import torch
from sklearn import datasets

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.RandomState(SEED)
wine = datasets.load_wine()
idx = rng.permutation(178)
feats = wine.data.astype("float32")
feats = (feats - feats.mean(0)) / feats.std(0)
Xtr, ytr = torch.from_numpy(feats[idx[:130]]), torch.from_numpy(wine.target[idx[:130]])
Xte, yte = torch.from_numpy(feats[idx[130:]]), torch.from_numpy(wine.target[idx[130:]])

net = torch.nn.Sequential(torch.nn.Linear(13, 20), torch.nn.ReLU(), torch.nn.Linear(20, 3))
lossf = torch.nn.CrossEntropyLoss()
opt = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(1, 101):
    order = rng.permutation(130)
    for s in range(0, 130, 13):
        b = order[s : s + 13]
        loss = lossf(net(Xtr[b]), ytr[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 20 == 0:
        with torch.no_grad():
            print(
                epoch,
                "train",
                lossf(net(Xtr), ytr).item(),
                "test",
                lossf(net(Xte), yte).item(),
                "test acc",
                (net(Xte).argmax(1) == yte).float().mean().item(),
            )
