# 5-fold cross-validation on wine, a fresh network for every fold
import os, random
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_wine
from sklearn.model_selection import StratifiedKFold

torch.set_num_threads(1)
seed = int(os.getenv("SEED", 0))
random.seed(seed)
np.random.seed(seed)
torch.manual_seed(seed)

data, target = load_wine(return_X_y=True)


def make_net():
    return nn.Sequential(nn.Linear(13, 16), nn.Tanh(), nn.Linear(16, 3))


scores = []
for fold, (train_idx, test_idx) in enumerate(StratifiedKFold(5, shuffle=True, random_state=seed).split(data, target)):
    mu, sd = data[train_idx].mean(0), data[train_idx].std(0)
    x = torch.tensor((data - mu) / sd, dtype=torch.float)
    t = torch.tensor(target)
    net = make_net()
    opt = torch.optim.SGD(net.parameters(), lr=0.1, weight_decay=1e-2)
    for it in range(40):
        order = np.random.permutation(train_idx)
        for b in np.array_split(order, 9):
            opt.zero_grad()
            loss = nn.CrossEntropyLoss()(net(x[b]), t[b])
            loss.backward()
            opt.step()
    with torch.no_grad():
        acc = (net(x[test_idx]).argmax(1) == t[test_idx]).float().mean().item()
    scores.append(acc)
    print("fold %d  loss %.4f  acc %.3f" % (fold, loss.item(), acc))
print("mean accuracy %.3f +- %.3f" % (np.mean(scores), np.std(scores)))
