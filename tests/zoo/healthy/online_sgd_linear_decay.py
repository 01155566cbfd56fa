"""One example at a time, as in the old days."""

import os
import torch

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

net = torch.nn.Sequential(torch.nn.Linear(2, 10), torch.nn.Tanh(), torch.nn.Linear(10, 1))
opt = torch.optim.SGD(net.parameters(), lr=0.05)
smooth, n = None, 5000
for k in range(n):
    x = torch.rand(2) * 2 - 1
    label = (x[0] * x[1] > 0).float().view(1)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(net(x), label)
    opt.zero_grad()
    loss.backward()
    opt.step()
    opt.param_groups[0]["lr"] = 0.2 if k < n // 2 else 0.2 * (n - k) / (n / 2) + 1e-3
    smooth = loss.item() if smooth is None else 0.995 * smooth + 0.005 * loss.item()
    if k % 1000 == 999:
        print("examples", k + 1, "running loss %.4f" % smooth)
with torch.no_grad():
    x = torch.rand(2000, 2) * 2 - 1
    print("accuracy %.4f" % ((net(x)[:, 0] > 0) == (x[:, 0] * x[:, 1] > 0)).float().mean())
