"""Logistic regression by maximum likelihood on the Wisconsin breast cancer data."""
import os

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

X, y = load_breast_cancer(return_X_y=True)
X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.25, stratify=y, random_state=SEED)
scaler = StandardScaler()
X_tr = torch.tensor(scaler.fit_transform(X_tr), dtype=torch.float32)
X_te = torch.tensor(scaler.transform(X_te), dtype=torch.float32)
y_tr = torch.tensor(y_tr, dtype=torch.float32)
y_te = torch.tensor(y_te, dtype=torch.float32)

beta = torch.nn.Linear(X_tr.shape[1], 1)
nll = torch.nn.BCEWithLogitsLoss()
optimizer = torch.optim.SGD(
    beta.parameters(),
    lr=0.05,
    momentum=0.5,
    weight_decay=0.01,
)

for it in range(1, 61):
    total = 0.0
    for idx in torch.randperm(len(X_tr)).split(32):
        optimizer.zero_grad()
        value = nll(beta(X_tr[idx]).squeeze(1), y_tr[idx])
        value.backward()
        optimizer.step()
        total += value.item() * len(idx)
    if it % 6 == 0:
        print(f"pass {it:3d}  mean negative log-likelihood {total / len(X_tr):.4f}")

with torch.no_grad():
    logit = beta(X_te).squeeze(1)
    print(f"test nll {nll(logit, y_te).item():.4f}  auc {roc_auc_score(y_te.numpy(), logit.numpy()):.4f}")
    print(f"test accuracy {((logit > 0).float() == y_te).float().mean().item():.4f}")
