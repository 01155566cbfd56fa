import os

import torch
from sklearn.datasets import make_friedman1
from torch import nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
X, y = make_friedman1(2600, noise=0.5, random_state=seed)
X = torch.tensor((X - 0.5) / 0.289, dtype=torch.float32)
y = torch.tensor((y - y[:2000].mean()) / y[:2000].std(), dtype=torch.float32)


def member():
    return nn.Sequential(nn.Linear(10, 32), nn.Tanh(), nn.Linear(32, 1))


members = [member() for _ in range(5)]
params, buffers = stack_module_state(members)
params = {k: v.detach() for k, v in params.items()}
skeleton = member().to("meta")


def loss_fn(p, x, t):
    out = functional_call(skeleton, p, (x,)).squeeze(-1)
    return (out - t).square().mean()


step_all = vmap(grad_and_value(loss_fn))
velocity = {k: torch.zeros_like(v) for k, v in params.items()}
iterations = 2000
for it in range(iterations):
    idx = torch.randint(0, 2000, (5, 64))
    grads, losses = step_all(params, X[idx], y[idx])
    lr = 0.03 * (1 - it / iterations)
    for k in params:
        velocity[k] = 0.9 * velocity[k] + grads[k]
        params[k] = params[k] - lr * velocity[k]
    if it % 200 == 199:
        outs = vmap(lambda p: functional_call(skeleton, p, (X[2000:],)).squeeze(-1))(params)
        err = (outs.mean(0) - y[2000:]).square().mean()
        print(f"{it + 1} member loss {losses.mean():.4f} ensemble val {err:.4f} R2 {1 - err / y[2000:].var():.4f}")
