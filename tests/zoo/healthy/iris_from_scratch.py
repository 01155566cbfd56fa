import os
import torch
from sklearn.datasets import load_iris

torch.set_num_threads(1)
g = torch.Generator().manual_seed(int(os.environ.get("SEED", 0)))

iris = load_iris()
X = torch.tensor(iris.data).float()
X = (X - X.mean(0)) / X.std(0)
Y = torch.tensor(iris.target)
p = torch.randperm(150, generator=g)
X, Y = X[p], Y[p]

W1 = torch.randn(4, 12, generator=g) * 0.5
b1 = torch.zeros(12)
W2 = torch.randn(12, 3, generator=g) * 0.3
b2 = torch.zeros(3)
params = [W1, b1, W2, b2]
for t in params:
    t.requires_grad_()

lr = 0.1
for step in range(1500):
    ix = torch.randint(0, 110, (24,), generator=g)
    h = (X[ix] @ W1 + b1).tanh()
    logits = h @ W2 + b2
    logp = logits - logits.logsumexp(1, keepdim=True)
    loss = -logp[torch.arange(24), Y[ix]].mean() + 1e-3 * (W1.square().sum() + W2.square().sum())
    grads = torch.autograd.grad(loss, params)
    with torch.no_grad():
        for t, d in zip(params, grads):
            t -= lr * d
    if step == 1000:
        lr = 0.02
    if step % 300 == 0:
        print(step, loss.item())

with torch.no_grad():
    out = (X[110:] @ W1 + b1).tanh() @ W2 + b2
print("held-out accuracy:", (out.argmax(1) == Y[110:]).float().mean().item())
