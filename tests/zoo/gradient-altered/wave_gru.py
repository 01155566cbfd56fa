"""Predict the next value of a sum of waves with a GRU."""

import os

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import clip_grad_norm_

torch.manual_seed(int(os.environ.get("SEED", "0")))
torch.set_num_threads(1)

t = torch.arange(3000) * 0.1
series = torch.sin(t) + 0.5 * torch.sin(2.3 * t + 1.0)
windows = series.unfold(0, 25, 1)
inputs, targets = windows[:, :-1, None], windows[:, -1:]
train_x, train_y, test_x, test_y = inputs[:2400], targets[:2400], inputs[2400:], targets[2400:]


class Forecaster(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.rnn = nn.GRU(1, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        states, _ = self.rnn(x)
        return self.head(states[:, -1])


net = Forecaster()
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
max_norm = 1.0
for epoch in range(6):
    for rows in torch.randperm(len(train_x)).split(32):
        loss = F.mse_loss(net(train_x[rows]), train_y[rows])
        opt.zero_grad()
        loss.backward()
        clip_grad_norm_(net.parameters(), max_norm)
        opt.step()
    with torch.no_grad():
        print(f"epoch {epoch} test mse {F.mse_loss(net(test_x), test_y).item():.4f}")
