import math
import os

import numpy as np
import torch
from torch import nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
np.random.seed(SEED)


class Sine(torch.autograd.Function):
    """sin(w0 * x) that saves memory by keeping only the argument"""

    @staticmethod
    def forward(ctx, x, w0):
        arg = w0 * x
        ctx.save_for_backward(arg)
        ctx.w0 = w0
        return torch.sin(arg)

    @staticmethod
    def backward(ctx, grad_output):
        (arg,) = ctx.saved_tensors
        return grad_output * ctx.w0 * torch.cos(arg), None


class SirenLayer(nn.Module):
    def __init__(self, n_in, n_out, w0, first=False):
        super().__init__()
        self.linear = nn.Linear(n_in, n_out)
        self.w0 = w0
        bound = 1 / n_in if first else math.sqrt(6 / n_in) / w0
        nn.init.uniform_(self.linear.weight, -bound, bound)

    def forward(self, x):
        return Sine.apply(self.linear(x), self.w0)


class Siren(nn.Module):
    def __init__(self, width=48, depth=2, w0=10.0):
        super().__init__()
        layers = [SirenLayer(1, width, w0, first=True)]
        layers += [SirenLayer(width, width, w0) for _ in range(depth)]
        self.body = nn.Sequential(*layers)
        self.out = nn.Linear(width, 1)

    def forward(self, t):
        return self.out(self.body(t))


def signal(t):
    return torch.sin(9 * t) * torch.exp(-t) + 0.5 * torch.cos(17 * t + 0.4)


t_train = torch.rand(1024, 1) * 2 - 1
t_test = torch.linspace(-1, 1, 400).unsqueeze(1)
y_train = signal(t_train) + 0.03 * torch.randn_like(t_train)
y_test = signal(t_test)

model = Siren()
epochs = 80
optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    model.train()
    perm = torch.randperm(1024)
    for chunk in perm.chunk(16):
        loss = ((model(t_train[chunk]) - y_train[chunk]) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()
    if (epoch + 1) % 8 == 0:
        model.eval()
        with torch.no_grad():
            mse = ((model(t_test) - y_test) ** 2).mean()
        print(
            f"epoch {epoch + 1} last batch {loss.item():.5f} test mse {mse:.5f} "
            f"PSNR {10 * torch.log10((y_test.max() - y_test.min()) ** 2 / mse):.2f}"
        )
