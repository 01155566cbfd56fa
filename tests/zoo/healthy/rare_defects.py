# Defect detection: 3 % positives, weighted BCE, report recall and average precision
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.metrics import average_precision_score, balanced_accuracy_score, recall_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

X, y = make_classification(8000, 20, n_informative=8, n_redundant=4, weights=[0.97], flip_y=0.0,
                           class_sep=1.6, n_clusters_per_class=1, random_state=21)
X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.3, stratify=y, random_state=21)
ss = StandardScaler().fit(X_tr)
f32 = lambda a: torch.tensor(np.asarray(a), dtype=torch.float32)
X_tr, X_te, y_tr = f32(ss.transform(X_tr)), f32(ss.transform(X_te)), f32(y_tr)

torch.manual_seed(21)
model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 1))
pos_weight = (y_tr == 0).sum() / (y_tr == 1).sum()
criterion = nn.BCEWithLogitsLoss(pos_weight=pos_weight)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-4)
print(f"positives: {int(y_tr.sum())} of {len(y_tr)}, pos_weight {pos_weight:.1f}")

for epoch in range(1, 26):
    model.train()
    total = 0
    for idx in torch.randperm(len(X_tr)).split(128):
        optimizer.zero_grad()
        loss = criterion(model(X_tr[idx]).squeeze(-1), y_tr[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    if epoch % 5 == 0:
        model.eval()
        with torch.no_grad():
            s = model(X_te).squeeze(-1).numpy()
        print(f"epoch {epoch}: loss {total / len(X_tr):.4f}  recall {recall_score(y_te, s > 0):.3f}  balanced acc "
              f"{balanced_accuracy_score(y_te, s > 0):.3f}  AP {average_precision_score(y_te, s):.3f}")
