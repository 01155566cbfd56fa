"""Pass / reject of pressed parts from 20 process values, early stopping on a validation part."""
import copy
import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification

SEED = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

X, y = make_classification(
    n_samples=6000, n_features=20, n_informative=8, n_redundant=4, n_clusters_per_class=2,
    class_sep=1.0, flip_y=0.1, random_state=SEED,
)
X_pool, y_pool = X[:4000], y[:4000]
X_test, y_test = X[4000:], y[4000:]

n_val = 1000
val_rows = rng.choice(len(X_pool), size=n_val, replace=False)
train_rows = np.setdiff1d(np.arange(len(X_pool)), val_rows)

mean, std = X_pool[train_rows].mean(0), X_pool[train_rows].std(0)


def to_tensors(features, labels):
    return torch.tensor((features - mean) / std, dtype=torch.float32), torch.tensor(labels)


x_tr, y_tr = to_tensors(X_pool[train_rows], y_pool[train_rows])
x_va, y_va = to_tensors(X_pool[val_rows], y_pool[val_rows])
x_te, y_te = to_tensors(X_test, y_test)

net = nn.Sequential(
    nn.Linear(20, 96), nn.ReLU(), nn.Dropout(0.25),
    nn.Linear(96, 96), nn.ReLU(), nn.Dropout(0.25),
    nn.Linear(96, 2),
)
loss_fn = nn.CrossEntropyLoss()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
sched = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, factor=0.2, patience=1)


def evaluate(features, labels):
    net.eval()
    with torch.no_grad():
        out = net(features)
        return loss_fn(out, labels).item(), (out.argmax(1) == labels).float().mean().item()


best_loss, best_acc, best_state, waited = float("inf"), 0.0, None, 0
for epoch in range(40):
    net.train()
    total = 0.0
    for idx in torch.randperm(len(x_tr)).split(64):
        loss = loss_fn(net(x_tr[idx]), y_tr[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(idx)
    val_loss, val_acc = evaluate(x_va, y_va)
    sched.step(val_loss)
    print(f"epoch {epoch:2d} train {total / len(x_tr):.4f} val {val_loss:.4f} val accuracy {val_acc:.3f}")
    if val_loss < best_loss - 1e-4:
        best_loss, best_acc, best_state, waited = val_loss, val_acc, copy.deepcopy(net.state_dict()), 0
    else:
        waited += 1
        if waited >= 5:
            break

net.load_state_dict(best_state)
test_loss, test_acc = evaluate(x_te, y_te)
print(f"stopped after epoch {epoch}; validation loss {best_loss:.4f} accuracy {best_acc:.3f}, "
      f"test loss {test_loss:.4f} acc {test_acc:.3f}, difference {test_loss - best_loss:.4f}")
