import os
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

seed = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(seed)
torch.manual_seed(seed)
torch.set_num_threads(1)

hours = np.arange(2400)
load = 3 + np.sin(2 * np.pi * hours / 24) + 0.6 * np.sin(2 * np.pi * hours / 168) + 0.15 * rng.normal(size=2400)
load = ((load - load[:1800].mean()) / load[:1800].std()).astype("float32")
win = np.lib.stride_tricks.sliding_window_view(load, 25)
x, y = torch.tensor(win[:, :24].copy())[..., None], torch.tensor(win[:, 24].copy())
train = DataLoader(TensorDataset(x[:1700], y[:1700]), batch_size=50, shuffle=True)
xv, yv = x[1850:], y[1850:]


class Forecaster(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        _, (h, _) = self.lstm(x)
        return self.head(h[-1]).squeeze(-1)


model = Forecaster()
huber = nn.HuberLoss()
opt = torch.optim.AdamW(model.parameters(), lr=6e-3, weight_decay=0.01)
plan = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, factor=0.3, patience=1)
for epoch in range(10):
    model.train()
    losses = []
    for xb, yb in train:
        opt.zero_grad()
        loss = huber(model(xb), yb)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        v = huber(model(xv), yv).item()
    plan.step(v)
    print(f"epoch {epoch + 1}: train {np.mean(losses):.5f} val {v:.5f} lr {opt.param_groups[0]['lr']:.1e}")
