import os, math
import torch
import torch.nn as nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)


def f(x):
    return torch.sin(2 * x[:, :1]) * torch.cos(x[:, 1:]) + 0.3 * x[:, :1]


layers, width = [], 32
for n_in, n_out in [(2, width), (width, width)]:
    layers.append(nn.Linear(n_in, n_out))
    layers.append(nn.SiLU())
layers.append(nn.Linear(width, 1))
net = nn.Sequential(*layers)

x = (torch.rand(2000, 2) - 0.5) * 4
y = f(x) + 0.05 * torch.randn(2000, 1)
xt = (torch.rand(500, 2) - 0.5) * 4
yt = f(xt) + 0.05 * torch.randn(500, 1)

steps = 1200
opt = torch.optim.AdamW(net.parameters(), lr=5e-3, weight_decay=1e-4)
sch = torch.optim.lr_scheduler.OneCycleLR(opt, 5e-3, total_steps=steps)
mse = nn.MSELoss()
for k in range(steps):
    i = torch.randint(2000, (64,))
    opt.zero_grad()
    loss = mse(net(x[i]), y[i])
    loss.backward()
    opt.step()
    sch.step()
    if (k + 1) % 200 == 0:
        with torch.no_grad():
            print("step", k + 1, "train mse %.5f" % mse(net(x), y), "test mse %.5f" % mse(net(xt), yt))
