import argparse
import os
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

p = argparse.ArgumentParser()
p.add_argument("--seed", type=int, default=os.environ.get("SEED", "0"))
seed = p.parse_args().seed
torch.manual_seed(seed)
torch.set_num_threads(1)

x, y = load_breast_cancer(return_X_y=True)
x = np.log1p(x)
xtr, xte, ytr, yte = train_test_split(x, y, test_size=0.25, random_state=seed)
scale = np.std(xtr, axis=0)
xtr, xte = [torch.tensor((a - xtr.mean(0)) / scale, dtype=torch.float32) for a in (xtr, xte)]
ytr, yte = torch.tensor(ytr), torch.tensor(yte)

clf = nn.Linear(30, 2)
opt = torch.optim.SGD(clf.parameters(), lr=0.05, momentum=0.9, weight_decay=0.01)
ce = nn.CrossEntropyLoss()
for epoch in range(25):
    for b in torch.randperm(len(xtr)).chunk(10):
        opt.zero_grad()
        ce(clf(xtr[b]), ytr[b]).backward()
        opt.step()
    with torch.no_grad():
        z = clf(xte)
    if epoch % 5 == 4:
        print(
            epoch + 1,
            "train %.4f" % ce(clf(xtr), ytr).item(),
            "test %.4f" % ce(z, yte).item(),
            "%.1f%% right" % (100 * (z.argmax(1) == yte).float().mean()),
        )
