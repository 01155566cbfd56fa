"""Next-day volatility from returns with an LSTM."""
import numpy as np
import pandas as pd
import torch
from torch import nn

np.random.seed(10)
torch.manual_seed(10)


def simulate_prices(n=2500, omega=0.05, a=0.15, b=0.8):
    var, r = np.ones(n), np.zeros(n)
    for i in range(1, n):
        var[i] = omega + a * r[i - 1] ** 2 + b * var[i - 1]
        r[i] = np.sqrt(var[i]) * np.random.randn()
    return pd.DataFrame({"close": 100 * np.exp(np.cumsum(r / 100)), "sigma": np.sqrt(var)})


df = simulate_prices()
df["ret"] = 100 * np.log(df.close).diff()
df["absret"] = df.ret.abs()
df["vol10"] = df.ret.rolling(10).std()
df = df.dropna()
features = df[["ret", "absret", "vol10"]].to_numpy(np.float32)
target = np.log(df["sigma"].to_numpy(np.float32))

LOOKBACK = 20
starts = np.arange(0, len(df) - LOOKBACK)
X = torch.tensor(np.stack([features[s:s + LOOKBACK] for s in starts]))
Y = torch.tensor(target[starts + LOOKBACK])
cut = int(0.8 * len(X))


class VolLSTM(nn.Module):
    def __init__(self, d=3, h=24):
        super().__init__()
        self.rnn = nn.LSTM(d, h, batch_first=True)
        self.fc = nn.Linear(h, 1)

    def forward(self, x):
        out, _ = self.rnn(x)
        return self.fc(out[:, -1]).squeeze(-1)


model = VolLSTM()
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
mse = nn.MSELoss()
for epoch in range(1, 13):
    model.train()
    tot = 0.0
    for idx in torch.randperm(cut).split(64):
        loss = mse(model(X[idx]), Y[idx])
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        tot += loss.item() * len(idx)
    model.eval()
    with torch.no_grad():
        p = model(X[cut:])
        v = mse(p, Y[cut:]).item()
    if epoch % 3 == 0:
        print(f"epoch {epoch:2d} train mse {tot / cut:.4f} val mse {v:.4f} (variance {Y[cut:].var().item():.4f})")
