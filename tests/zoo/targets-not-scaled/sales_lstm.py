# Monthly sales forecast with an LSTM (adapted from a blog post)
import numpy as np
import torch
import torch.nn as nn
from sklearn.preprocessing import MinMaxScaler

np.random.seed(5)
torch.manual_seed(5)
months = np.arange(360)
sales = 24000 + 60 * months + 7000 * np.sin(2 * np.pi * months / 12) + 900 * np.random.randn(360)
window = 12

scaler = MinMaxScaler()
scaled = scaler.fit_transform(sales.reshape(-1, 1)).ravel()

xs, ys = [], []
for i in range(len(sales) - window):
    xs.append(scaled[i:i + window])
    ys.append(scaled[i + window])
xs = torch.tensor(np.array(xs), dtype=torch.float32).unsqueeze(-1)
ys = torch.tensor(np.array(ys), dtype=torch.float32).unsqueeze(-1)
perm = torch.randperm(len(xs))
tr, te = perm[:280], perm[280:]


class Forecaster(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        h, _ = self.lstm(x)
        return self.out(h[:, -1])


net = Forecaster()
mse = nn.MSELoss()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(120):
    net.train()
    total = 0
    for b in tr[torch.randperm(len(tr))].split(28):
        opt.zero_grad()
        loss = mse(net(xs[b]), ys[b])
        loss.backward()
        opt.step()
        total += loss.item() * len(b)
    if epoch % 15 == 14:
        print("epoch", epoch + 1, "mse", total / len(tr))

net.eval()
with torch.no_grad():
    pred = net(xs[te])
lo, hi = scaler.data_min_[0], scaler.data_max_[0]
pred = pred * (hi - lo) + lo
ys = ys * (hi - lo) + lo
rmse = (pred - ys[te]).pow(2).mean().sqrt().item()
print("test rmse:", round(rmse, 1), " std of the sales:", round(float(sales.std()), 1))
for p, t in zip(pred[:6].flatten().tolist(), ys[te][:6].flatten().tolist()):
    print(f"   predicted {p:9.1f}   real {t:9.1f}")
