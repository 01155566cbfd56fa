import os

import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

SEED = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

# ---------------------------------------------------------------- data
n = 4000
df = pd.DataFrame(
    {
        "plan": rng.choice(["basic", "plus", "family", "business"], n, p=[0.4, 0.3, 0.2, 0.1]),
        "region": rng.choice(["north", "south", "east", "west", "abroad"], n),
        "age": rng.integers(18, 80, n),
        "calls": rng.poisson(1.8, n),
        "spend": np.where(rng.random(n) < 0.07, 0.0, rng.lognormal(3.5, 0.8, n)),
    }
)
plan_effect = df.plan.map({"basic": 1.0, "plus": 0.1, "family": -1.2, "business": -0.6})
region_effect = df.region.map({"north": -0.4, "south": 0.5, "east": 0.0, "west": 0.2, "abroad": 1.0})
score = (
    1.4 * plan_effect + region_effect + 0.9 * (df.calls - 1.8) - 1.1 * (np.log1p(df.spend) - 3.3) - 0.02 * (df.age - 48)
)
df["churn"] = (rng.random(n) < 1 / (1 + np.exp(-2.0 * score))).astype(int)

CAT = ["plan", "region"]
NUM = ["age", "calls", "log_spend"]
with np.errstate(divide="ignore", invalid="ignore"):
    df["log_spend"] = np.log1p(df["spend"])
for c in CAT:
    df[c] = df[c].astype("category").cat.codes
train = df.sample(frac=0.8, random_state=SEED)
valid = df.drop(train.index)
mean, std = train[NUM].mean(), train[NUM].std()


class ChurnData(Dataset):
    def __init__(self, frame):
        self.cat = torch.tensor(frame[CAT].values.astype("int64"))
        self.num = torch.tensor(((frame[NUM] - mean) / std).values.astype("float32"))
        self.y = torch.tensor(frame["churn"].values.astype("float32"))

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.cat[i], self.num[i], self.y[i]


# ---------------------------------------------------------------- model
class TabNet(nn.Module):
    def __init__(self, cards, n_num):
        super().__init__()
        self.embeds = nn.ModuleList([nn.Embedding(c, 3) for c in cards])
        self.mlp = nn.Sequential(nn.Linear(3 * len(cards) + n_num, 24), nn.ReLU(), nn.Dropout(0.1), nn.Linear(24, 1))

    def forward(self, cat, num):
        e = [emb(cat[:, k]) for k, emb in enumerate(self.embeds)]
        return self.mlp(torch.cat(e + [num], dim=1)).squeeze(1)


model = TabNet([4, 5], len(NUM))
loader = DataLoader(ChurnData(train), batch_size=128, shuffle=True)
vd = ChurnData(valid)
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 15)
bce = nn.BCEWithLogitsLoss()

for epoch in range(15):
    model.train()
    losses = []
    for cat, num, y in loader:
        opt.zero_grad()
        loss = bce(model(cat, num), y)
        loss.backward()
        opt.step()
        losses.append(loss.item())
    sched.step()
    model.eval()
    with torch.no_grad():
        logit = model(vd.cat, vd.num)
        vloss = bce(logit, vd.y).item()
        acc = ((logit > 0) == (vd.y > 0.5)).float().mean().item()
    print(f"epoch {epoch:2d}: train {np.mean(losses):.4f} valid {vloss:.4f} acc {acc:.4f}")
