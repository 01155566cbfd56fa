# Wrist accelerometer -> gesture, conv front end + LSTM
import os
import math
import torch
import torch.nn as nn
import torch.nn.functional as F

seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)

GESTURES = ["circle", "shake", "swipe", "tap", "twist"]
T = 48


def synth(n):
    y = torch.randint(0, len(GESTURES), (n,))
    t = torch.linspace(0, 1, T)
    x = torch.zeros(n, 3, T)
    for i in range(n):
        f = 1.5 + 1.0 * torch.rand(1)
        ph = 2 * math.pi * torch.rand(1)
        c = 0.3 + 0.4 * torch.rand(1)
        env = torch.exp(-(((t - c) / 0.15) ** 2))
        k = int(y[i])
        if k == 0:
            x[i, 0] = torch.sin(2 * math.pi * f * t + ph)
            x[i, 1] = torch.cos(2 * math.pi * f * t + ph)
        elif k == 1:
            x[i, 0] = torch.sin(2 * math.pi * 4 * f * t + ph)
        elif k == 2:
            x[i, 1] = 2 * env * torch.sign(torch.rand(1) - 0.5)
        elif k == 3:
            x[i, 2] = 3 * torch.exp(-(((t - c) / 0.04) ** 2))
        else:
            x[i, 0] = torch.sin(2 * math.pi * f * t + ph)
            x[i, 1] = -torch.cos(2 * math.pi * f * t + ph)
    x += 0.35 * torch.randn_like(x)
    return x, y


class GestureNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv1d(3, 24, 5, padding=2)
        self.c2 = nn.Conv1d(24, 32, 5, padding=2)
        self.lstm = nn.LSTM(32, 40, batch_first=True)
        self.out = nn.Linear(40, len(GESTURES))

    def forward(self, x):
        x = F.max_pool1d(F.relu(self.c1(x)), 2)
        x = F.max_pool1d(F.relu(self.c2(x)), 2)
        h, _ = self.lstm(x.transpose(1, 2))
        return self.out(h.mean(1))


xtr, ytr = synth(1800)
xva, yva = synth(600)
mean, std = xtr.mean((0, 2), keepdim=True), xtr.std((0, 2), keepdim=True)
xtr, xva = (xtr - mean) / std, (xva - mean) / std

net = GestureNet()
optimizer = torch.optim.RMSprop(net.parameters(), lr=0.001)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.4)

for epoch in range(10):
    net.train()
    order = torch.randperm(len(xtr))
    total = 0.0
    for b in order.split(50):
        loss = F.cross_entropy(net(xtr[b]), ytr[b])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(b)
    scheduler.step()
    net.eval()
    with torch.no_grad():
        logits = net(xva)
        vl = F.cross_entropy(logits, yva).item()
        acc = (logits.argmax(1) == yva).float().mean().item()
    print("epoch %2d train %.4f val %.4f accuracy %.3f" % (epoch, total / len(xtr), vl, acc))
