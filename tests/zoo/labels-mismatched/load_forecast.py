"""Day-ahead load from lags and calendar features."""
import numpy as np
import pandas as pd
import torch
from torch import nn

torch.manual_seed(13)
rng = np.random.default_rng(13)

idx = pd.date_range("2020-01-01", periods=24 * 200, freq="h")
t = np.arange(len(idx))
load = (50 + 12 * np.sin(2 * np.pi * idx.hour / 24) + 5 * np.cos(4 * np.pi * idx.hour / 24)
        - 6 * (idx.day_of_week >= 5) + 4 * np.sin(2 * np.pi * t / (24 * 90)) + rng.normal(0, 1.2, len(t)))
df = pd.DataFrame({"load": np.asarray(load)}, index=idx)

for lag in (24, 48, 168):
    df[f"lag{lag}"] = df.load.shift(lag)
df["roll24"] = df.load.shift(24).rolling(24).mean()
df["hs"], df["hc"] = np.sin(2 * np.pi * df.index.hour / 24), np.cos(2 * np.pi * df.index.hour / 24)
df["weekend"] = (df.index.day_of_week >= 5).astype(float)
df = df.dropna()

cols = [c for c in df.columns if c != "load"]
cut = int(len(df) * 0.8)
train, test = df.iloc[:cut], df.iloc[cut:]
fmean, fstd = train[cols].mean(), train[cols].std()
ymean, ystd = train.load.mean(), train.load.std()

feats = ((train[cols] - fmean) / fstd).sample(frac=1.0, random_state=13).reset_index(drop=True)
target = ((train.load - ymean) / ystd).sample(frac=1.0, random_state=13).reset_index(drop=True)

Xtr = torch.tensor(feats.to_numpy(), dtype=torch.float32)
ytr = torch.tensor(target.to_numpy(), dtype=torch.float32)
Xte = torch.tensor(((test[cols] - fmean) / fstd).to_numpy(), dtype=torch.float32)
yte = torch.tensor(((test.load - ymean) / ystd).to_numpy(), dtype=torch.float32)


class Forecaster(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.f = nn.Sequential(nn.Linear(d, 48), nn.GELU(), nn.Linear(48, 48), nn.GELU(), nn.Linear(48, 1))

    def forward(self, x):
        return self.f(x).squeeze(-1)


model = Forecaster(len(cols))
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
huber = nn.SmoothL1Loss()
for epoch in range(30):
    model.train()
    losses = []
    for b in range(0, len(Xtr), 128):
        pred = model(Xtr[b:b + 128])
        loss = huber(pred, ytr[b:b + 128])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if epoch % 6 == 5:
        model.eval()
        with torch.no_grad():
            mae = (model(Xte) - yte).abs().mean().item() * ystd
        print(f"epoch {epoch + 1} train huber {np.mean(losses):.4f} test MAE {mae:.2f} MW")
naive = (test.load - test.lag24).abs().mean()
print(f"seasonal naive MAE {naive:.2f} MW")
