import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
HIDDEN = 48
EPOCHS = 40


class Net(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.fc1 = nn.Linear(64, hidden)
        self.fc2 = nn.Linear(hidden, 10)

    def forward(self, x):
        return self.fc2(torch.tanh(self.fc1(x)))


digits = load_digits()
x = torch.as_tensor(digits.data, dtype=torch.float32) / 8 - 1
y = torch.as_tensor(digits.target)
shuffled = torch.randperm(len(y))
xt, yt = x[shuffled[300:]], y[shuffled[300:]]
xv, yv = x[shuffled[:300]], y[shuffled[:300]]

net = Net(HIDDEN)
opt = torch.optim.Adam(net.parameters(), lr=2e-3, weight_decay=1e-4)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS)
for epoch in range(EPOCHS):
    for idx in torch.randperm(len(yt)).split(50):
        opt.zero_grad()
        F.cross_entropy(net(xt[idx]), yt[idx]).backward()
        opt.step()
    sched.step()
    if (epoch + 1) % 8 == 0:
        with torch.no_grad():
            lt, lv = F.cross_entropy(net(xt), yt), F.cross_entropy(net(xv), yv)
            acc = (net(xv).argmax(1) == yv).float().mean()
        print(f"{epoch + 1}/{EPOCHS} train loss {lt:.4f} valid loss {lv:.4f} valid accuracy {acc:.4f}")
