"""A sine curve by a hidden layer of 30."""

import os
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


class MLP(nn.Module):
    def __init__(self, hidden=30):
        super().__init__()
        self.fc1 = nn.Linear(1, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.fc3 = nn.Linear(hidden, 1)
        self.reset()

    def reset(self):
        for fc in (self.fc1, self.fc2, self.fc3):
            nn.init.xavier_normal_(fc.weight)
            nn.init.zeros_(fc.bias)

    def forward(self, x):
        return self.fc3(torch.tanh(self.fc2(torch.tanh(self.fc1(x)))))


x = torch.rand(1200, 1) * 6 - 3
y = torch.sin(2 * x) + 0.05 * torch.randn_like(x)
net = MLP()
opt = torch.optim.Adam(net.parameters(), lr=1e-2)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 1000)
for it in range(1000):
    b = torch.randint(1000, (50,))
    loss = (net(x[b]) - y[b]).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    if it % 200 == 0:
        print("it", it, "loss", loss.item())
with torch.no_grad():
    print("held-out mse", (net(x[1000:]) - y[1000:]).pow(2).mean().item())
