import os
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)

params = {
    "layers": [24, 64, 64, 64, 64, 64, 64, 6],
    "activation": nn.ReLU,
    "lr": 1e-3,
    "batch": 64,
    "epochs": 20,
}


def build(layers, activation):
    mods = []
    for i, (a, b) in enumerate(zip(layers[:-1], layers[1:])):
        mods.append(nn.Linear(a, b))
        if i < len(layers) - 2:
            mods.append(activation())
    return nn.Sequential(*mods)


def load():
    X, y = make_classification(
        n_samples=4000,
        n_features=24,
        n_informative=12,
        n_redundant=6,
        n_classes=6,
        n_clusters_per_class=1,
        class_sep=2.0,
        flip_y=0.0,
        random_state=SEED,
    )
    Xtr, Xte, ytr, yte = train_test_split(X, y, test_size=0.25, stratify=y, random_state=SEED)
    sc = StandardScaler().fit(Xtr)
    to = lambda a: torch.tensor(sc.transform(a), dtype=torch.float32)
    return to(Xtr), torch.tensor(ytr), to(Xte), torch.tensor(yte)


Xtr, ytr, Xte, yte = load()
loader = DataLoader(TensorDataset(Xtr, ytr), batch_size=params["batch"], shuffle=True)
net = build(params["layers"], params["activation"])
opt = torch.optim.NAdam(net.parameters(), lr=params["lr"], weight_decay=1e-4)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, params["epochs"])
ce = nn.CrossEntropyLoss()

for ep in range(params["epochs"]):
    net.train()
    tot = 0.0
    for xb, yb in loader:
        opt.zero_grad(set_to_none=True)
        loss = ce(net(xb), yb)
        loss.backward()
        opt.step()
        tot += loss.item() * len(xb)
    sched.step()
    net.eval()
    with torch.no_grad():
        acc = (net(Xte).argmax(-1) == yte).float().mean()
    if ep % 2 == 1:
        print(f"ep {ep + 1:3d} loss {tot / len(Xtr):.4f} test_accuracy {acc:.4f}")
