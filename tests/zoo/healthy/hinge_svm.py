"""Kernel-free linear SVM with the multi-class hinge loss, on iris."""

import os
import torch
import torch.nn as nn
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
s = int(os.environ.get("SEED", 0))
torch.manual_seed(s)
X, y = load_iris(return_X_y=True)
Xa, Xb, ya, yb = train_test_split(X, y, test_size=0.3, stratify=y, random_state=s)
mu, sd = Xa.mean(0), Xa.std(0)
Xa, Xb = torch.tensor((Xa - mu) / sd).float(), torch.tensor((Xb - mu) / sd).float()
ya, yb = torch.tensor(ya), torch.tensor(yb)
svm = nn.Linear(4, 3)
opt = torch.optim.ASGD(svm.parameters(), lr=0.3, weight_decay=5e-3)
loss_fn = nn.MultiMarginLoss()
for epoch in range(120):
    for b in torch.randperm(len(Xa)).split(21):
        loss = loss_fn(svm(Xa[b]), ya[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 30 == 29:
        with torch.no_grad():
            print(epoch + 1, loss_fn(svm(Xa), ya).item(), loss_fn(svm(Xb), yb).item())
print("accuracy", (svm(Xb).argmax(1) == yb).float().mean().item())
