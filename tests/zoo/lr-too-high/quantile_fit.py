import os
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
x = torch.randn(2400, 5)
signal = torch.tanh(x[:, 0]) + 0.5 * x[:, 1] * x[:, 2] + 0.3 * x[:, 3]
y = signal + 0.2 * torch.randn(2400)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(5, 48)
        self.mid = nn.Linear(48, 48)
        self.head = nn.Linear(48, 1)

    def forward(self, x):
        return self.head(torch.relu(self.mid(torch.relu(self.stem(x))))).squeeze(-1)


net = Net()
config = dict(lr=0.002, batch=64, steps=900)
opt = torch.optim.RMSprop(net.parameters(), lr=config["lr"])
for step in range(config["steps"]):
    b = torch.randint(0, 2000, (config["batch"],))
    loss = nn.functional.smooth_l1_loss(net(x[b]), y[b])
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 150 == 0:
        print(f"{step} {loss.item():.4g}")
with torch.no_grad():
    print("test mse %.4f" % (net(x[2000:]) - y[2000:]).square().mean().item())
