"""Rows of a digit image as a sequence for a GRU."""

import os
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
d = load_digits()
x = torch.tensor(d.images).float() / 16 - 0.3
y = torch.tensor(d.target)
p = torch.randperm(len(x))
train = TensorDataset(x[p[:1400]], y[p[:1400]])
test_x, test_y = x[p[1400:]], y[p[1400:]]


class RowGRU(nn.Module):
    def __init__(self, hidden=48):
        super().__init__()
        self.gru = nn.GRU(8, hidden)
        self.fc = nn.Linear(hidden, 10)

    def forward(self, img):
        seq = img.transpose(0, 1)  # time, batch, features
        out, _ = self.gru(seq)
        return self.fc(out[-1])


net = RowGRU()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(15):
    s = 0
    for xb, yb in DataLoader(train, batch_size=40, shuffle=True):
        loss = nn.functional.cross_entropy(net(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        s += loss.item() / 35
    if epoch % 3 == 2:
        with torch.no_grad():
            print(
                "epoch", epoch + 1, "loss %.4f" % s, "test acc %.4f" % (net(test_x).argmax(1) == test_y).float().mean()
            )
