# %% [markdown]
# Bike rental: will tomorrow's demand be above the week's mean?  Day-on-day changes as features.

# %%
import os

import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)

# %% data
days = 4000
weekday = np.arange(days) % 7
warm = np.zeros(days)
for d in range(1, days):
    warm[d] = 0.8 * warm[d - 1] + np.random.normal(0, 0.6)
df = pd.DataFrame(
    {
        "rentals": 400 + 170 * (weekday < 5) + 90 * warm + np.random.normal(0, 15, days),
        "sunshine": np.clip(5 + 3 * warm + np.random.normal(0, 0.5, days), 0.1, 14),
        "visitors": np.clip(50 + 12 * warm + np.random.normal(0, 4, days), 15, None),
    }
)
closed = np.random.choice(days, 12, replace=False)
df.loc[closed, "visitors"] = 0  # museum closed

# %% features
level = df.rolling(7).mean()
feats = pd.concat([df.pct_change().add_suffix("_chg"), (df / level - 1).add_suffix("_rel")], axis=1)
feats["dow_sin"] = np.sin(2 * np.pi * weekday / 7)
feats["dow_cos"] = np.cos(2 * np.pi * weekday / 7)
feats["target"] = ((df.rentals.shift(-1) / level.rentals - 1) > 0).astype(float)
feats = feats.iloc[:-1].replace([np.inf, -np.inf], np.nan).dropna()

cut = int(0.8 * len(feats))
train_df, test_df = feats.iloc[:cut], feats.iloc[cut:]
cols = [c for c in feats.columns if c != "target"]
center = train_df[cols].mean()
spread = train_df[cols].std()


def tensors(frame):
    x = ((frame[cols] - center) / spread).to_numpy(np.float32)
    return torch.tensor(x), torch.tensor(frame.target.to_numpy(np.float32))


train_dl = DataLoader(TensorDataset(*tensors(train_df)), batch_size=32, shuffle=True)
x_test, y_test = tensors(test_df)

# %% model
model = nn.Sequential(nn.Linear(len(cols), 24), nn.Tanh(), nn.Linear(24, 12), nn.Tanh(), nn.Linear(12, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
loss_fn = nn.BCEWithLogitsLoss()

# %% training
for epoch in range(10):
    model.train()
    seen = 0.0
    for xb, yb in train_dl:
        optimizer.zero_grad()
        loss = loss_fn(model(xb)[:, 0], yb)
        loss.backward()
        optimizer.step()
        seen += loss.item()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        p = model(x_test)[:, 0]
        acc = ((p > 0).float() == y_test).float().mean().item()
        val = loss_fn(p, y_test).item()
    print(f"epoch {epoch} loss {seen / len(train_dl):.4f} val_loss {val:.4f} acc {acc:.3f}")
