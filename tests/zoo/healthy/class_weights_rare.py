import os
import torch
from sklearn.datasets import make_classification
from sklearn.metrics import balanced_accuracy_score, classification_report
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)

X, y = make_classification(
    4000,
    n_features=20,
    n_informative=8,
    n_classes=3,
    weights=[0.72, 0.2, 0.08],
    class_sep=1.3,
    flip_y=0.01,
    random_state=5,
)
X, y = torch.tensor(X).float(), torch.tensor(y)
X = (X - X.mean(0)) / X.std(0)
Xtr, ytr, Xte, yte = X[:3000], y[:3000], X[3000:], y[3000:]
w = len(ytr) / (3 * torch.bincount(ytr).float())

model = nn.Sequential(nn.Linear(20, 48), nn.ReLU(), nn.Linear(48, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, weight_decay=1e-3)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.3, patience=2)
loss_fn = nn.CrossEntropyLoss(weight=w)
for epoch in range(20):
    run = 0
    for xb, yb in DataLoader(TensorDataset(Xtr, ytr), 64, shuffle=True):
        optimizer.zero_grad()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        optimizer.step()
        run += loss.item() / 47
    with torch.no_grad():
        val = loss_fn(model(Xte), yte).item()
    scheduler.step(val)
    if epoch % 5 == 4:
        print(f"epoch {epoch} weighted loss {run:.4f} val {val:.4f} lr {optimizer.param_groups[0]['lr']:.1e}")
with torch.no_grad():
    pred = model(Xte).argmax(1)
print(classification_report(yte, pred, digits=3))
print("balanced accuracy", balanced_accuracy_score(yte, pred))
