# Churn model: categorical columns through embeddings, numeric columns beside them.
import os

import numpy as np
import pandas as pd
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.metrics import roc_auc_score

SEED = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

CATEGORICAL = ["region", "plan", "channel"]
NUMERIC = ["age", "income", "tenure_days", "minutes", "balance"]


def make_table(n):
    df = pd.DataFrame(
        {
            "region": rng.integers(0, 6, n),
            "plan": rng.integers(0, 4, n),
            "channel": rng.integers(0, 3, n),
            "age": rng.normal(43, 12, n).clip(18, 90),
            "income": rng.normal(52_000, 14_000, n).clip(8_000, None),
            "tenure_days": rng.gamma(3.0, 300.0, n),
            "minutes": rng.normal(420, 110, n).clip(0, None),
            "balance": rng.normal(1_500, 2_600, n),
        }
    )
    z = (
        1.3 * (df.plan == 2)
        - 0.9 * (df.region == 4)
        + 0.7 * (df.channel == 1)
        - 1.6 * np.tanh((df.tenure_days - 900) / 400)
        + 1.8 * ((df.age - 43) / 12) * ((df.minutes - 420) / 110)
        + 1.1 * np.sin((df.income - 52_000) / 9_000)
        - 1.0 * (df.balance - 1_500) / 2_600
    )
    df["churn"] = (z * 1.5 + rng.logistic(size=n) > 0).astype("int64")
    return df


class TabularNet(nn.Module):
    def __init__(self, cardinalities, n_numeric, hidden=64):
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(c, 4) for c in cardinalities)
        self.fc1 = nn.Linear(4 * len(cardinalities) + n_numeric, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, 1)

    def forward(self, cat, num):
        parts = [table(cat[:, i]) for i, table in enumerate(self.tables)]
        h = torch.cat(parts + [num], dim=1)
        h = F.relu(self.fc1(h))
        h = F.relu(self.fc2(h))
        return self.out(h).squeeze(1)


df = make_table(8000)
train, test = df.iloc[:6000], df.iloc[6000:]
mean, std = train[NUMERIC].mean(), train[NUMERIC].std()
print(pd.DataFrame({"mean": mean, "std": std}).round(1))


def to_tensors(part):
    cat = torch.tensor(part[CATEGORICAL].to_numpy())
    num = torch.tensor(((part[NUMERIC] - mean) / std).to_numpy("float32"))
    return cat, num, torch.tensor(part["churn"].to_numpy("float32"))


cat_tr, num_tr, y_tr = to_tensors(train)
cat_te, num_te, y_te = to_tensors(test)

model = TabularNet([6, 4, 3], len(NUMERIC))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=16)

for epoch in range(16):
    model.train()
    order = torch.randperm(len(y_tr))
    total = 0.0
    for idx in order.split(128):
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(model(cat_tr[idx], num_tr[idx]), y_tr[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        logits = model(cat_te, num_te)
    val = F.binary_cross_entropy_with_logits(logits, y_te).item()
    print(f"epoch {epoch:2d} loss {total / len(y_tr):.4f} val {val:.4f} auc {roc_auc_score(y_te, logits):.4f}")
