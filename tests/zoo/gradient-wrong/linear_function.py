import os
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


class LinearFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, inp, weight, bias):
        ctx.save_for_backward(inp, weight)
        return inp @ weight.t() + bias

    @staticmethod
    def backward(ctx, grad_out):
        inp, weight = ctx.saved_tensors
        grad_in = grad_out @ weight
        grad_w = grad_out.t() @ inp
        return grad_in, grad_w, grad_out.sum(0)


class MyLinear(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(o, i) / i**0.5)
        self.bias = nn.Parameter(torch.zeros(o))

    def forward(self, x):
        return LinearFn.apply(x, self.weight, self.bias)


n = 1600
x = torch.randn(n, 6)
y = torch.sin(x[:, 0] * 1.5) * x[:, 1] + x[:, 2].abs() - 0.8 + 0.1 * torch.randn(n)
net = nn.Sequential(MyLinear(6, 32), nn.Tanh(), MyLinear(32, 32), nn.Tanh(), MyLinear(32, 1))
opt = torch.optim.SGD(net.parameters(), lr=0.03, momentum=0.9)
for epoch in range(40):
    for b in torch.randperm(1300).split(26):
        loss = nn.functional.mse_loss(net(x[b]).squeeze(1), y[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 8 == 7:
        with torch.no_grad():
            print(
                "epoch",
                epoch + 1,
                "train",
                loss.item(),
                "validation",
                nn.functional.mse_loss(net(x[1300:]).squeeze(1), y[1300:]).item(),
            )
