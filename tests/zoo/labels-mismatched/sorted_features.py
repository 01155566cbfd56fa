"""Two kinds of beans from eight measurements; rows are joined by the bean's number."""

import os
import torch
import pandas as pd
from sklearn.datasets import make_classification
from torch import nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
X, y = make_classification(2400, 8, n_informative=6, n_redundant=0, class_sep=1.4, flip_y=0.01, random_state=seed)
shapes = (
    pd.DataFrame(X, columns=[f"m{i}" for i in range(8)]).assign(bean=range(len(X))).sample(frac=1, random_state=seed)
)
kinds = pd.DataFrame({"bean": range(len(y)), "kind": y})
table = shapes.merge(kinds, on="bean")

feats = torch.tensor(table.filter(like="m").values).float()
kind = torch.tensor(table["kind"].values).float()
feats = (feats - feats.mean(0)) / feats.std(0)
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1))
opt = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
for epoch in range(20):
    perm = torch.randperm(1800)
    tot = 0
    for i in range(0, 1800, 40):
        b = perm[i : i + 40]
        loss = nn.functional.binary_cross_entropy_with_logits(model(feats[b])[:, 0], kind[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        tot += loss.item() / 45
    if epoch % 4 == 3:
        with torch.no_grad():
            acc = ((model(feats[1800:])[:, 0] > 0) == kind[1800:].bool()).float().mean()
        print(f"epoch {epoch + 1}  loss {tot:.4f}  val acc {acc:.4f}")
