import os
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X).double() / 16, torch.tensor(y)
perm = torch.randperm(len(y))
train, test = perm[:1200], perm[1200:]

clf = torch.nn.Linear(64, 10).double()
lam = 3e-3
optimizer = torch.optim.LBFGS(clf.parameters(), lr=1, max_iter=15, history_size=10, line_search_fn="strong_wolfe")


def closure():
    optimizer.zero_grad()
    loss = F.cross_entropy(clf(X[train]), y[train]) + lam * clf.weight.square().sum()
    loss.backward()
    return loss


for outer in range(8):
    value = optimizer.step(closure)
    print(outer, value.item())
with torch.no_grad():
    print("train acc", (clf(X[train]).argmax(1) == y[train]).double().mean().item())
    print("test acc", (clf(X[test]).argmax(1) == y[test]).double().mean().item())
