"""Memory-saving swish as an autograd Function."""

import os
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


class SwishFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(x)
        return grad_output * s * (1 + x * (1 - s))


class Swish(nn.Module):
    def forward(self, x):
        return SwishFunction.apply(x)


d = load_digits()
X, y = torch.tensor(d.data).float() / 16 - 0.3, torch.tensor(d.target)
p = torch.randperm(len(X))
net = nn.Sequential(nn.Linear(64, 48), Swish(), nn.Linear(48, 48), Swish(), nn.Linear(48, 10))
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
for epoch in range(20):
    for b in p[:1400][torch.randperm(1400)].split(40):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(X[b]), y[b])
        loss.backward()
        opt.step()
    if epoch % 4 == 3:
        with torch.no_grad():
            out = net(X[p[1400:]])
            print(
                epoch + 1,
                "train %.4f" % loss.item(),
                "test %.4f" % nn.functional.cross_entropy(out, y[p[1400:]]),
                "accuracy %.4f" % (out.argmax(1) == y[p[1400:]]).float().mean(),
            )
