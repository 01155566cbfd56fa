import os
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)


class Swish(torch.autograd.Function):
    """x * sigmoid(2 x), saving only its input for the backward pass."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * torch.sigmoid(2 * x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(2 * x)
        return grad_output * (s + 2 * x * s * (1 - s))


class Net(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.l1 = nn.Linear(64, width)
        self.l2 = nn.Linear(width, width)
        self.l3 = nn.Linear(width, 10)

    def forward(self, x):
        x = Swish.apply(self.l1(x))
        x = Swish.apply(self.l2(x))
        return self.l3(x)


digits = load_digits()
x = torch.tensor(digits.data, dtype=torch.float32) / 16
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
train, val = order[:1400], order[1400:]
net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.8, weight_decay=1e-3)
ce = nn.CrossEntropyLoss()
for epoch in range(1, 21):
    net.train()
    tot = 0.0
    for idx in train[torch.randperm(len(train))].split(56):
        opt.zero_grad()
        loss = ce(net(x[idx]), y[idx])
        loss.backward()
        opt.step()
        tot += loss.item() * len(idx) / len(train)
    net.eval()
    with torch.no_grad():
        out = net(x[val])
    if epoch % 4 == 0:
        print(
            f"epoch {epoch:2d} | loss {tot:.4f} | val loss {ce(out, y[val]):.4f} | val acc. {(out.argmax(1) == y[val]).float().mean():.4f}"
        )
