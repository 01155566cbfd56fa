# the adding problem: two marked numbers in a sequence have to be summed
import os
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(100 + int(os.environ.get("SEED", 0)))

LENGTH, BATCH, STEPS = 10, 48, 600


def sample(n):
    values = torch.rand(n, LENGTH)
    marks = torch.zeros(n, LENGTH)
    first = torch.randint(0, LENGTH // 2, (n, 1))
    second = torch.randint(LENGTH // 2, LENGTH, (n, 1))
    marks.scatter_(1, first, 1.0).scatter_(1, second, 1.0)
    return torch.stack([values - 0.5, marks], -1), (values * marks).sum(1)


class Adder(nn.Module):
    def __init__(self, h=32):
        super().__init__()
        self.rnn = nn.GRU(2, h, batch_first=True)
        self.out = nn.Linear(h, 1)

    def forward(self, x):
        _, h = self.rnn(x)
        return self.out(h[0])[:, 0]


net = Adder()
opt = torch.optim.RMSprop(net.parameters(), lr=3e-3)
sched = torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.05, STEPS)
for i in range(STEPS):
    x, y = sample(BATCH)
    loss = ((net(x) - y) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    opt.step()
    sched.step()
    if i % 100 == 0:
        print(i, "train mse", loss.item())

net.eval()
with torch.no_grad():
    x, y = sample(1000)
    print("baseline mse", ((y - y.mean()) ** 2).mean().item())
    print("final mse", ((net(x) - y) ** 2).mean().item())
