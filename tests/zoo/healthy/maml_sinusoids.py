"""Model-agnostic meta-learning of sinusoids with torch.func (vmap over tasks, grad through the inner step)."""

import argparse
import math
import os

import torch
from torch import nn
from torch.func import functional_call, grad, vmap

ap = argparse.ArgumentParser()
ap.add_argument("--tasks", type=int, default=25)
ap.add_argument("--shots", type=int, default=10)
ap.add_argument("--inner-lr", type=float, default=0.05)
ap.add_argument("--inner-steps", type=int, default=2)
ap.add_argument("--iterations", type=int, default=900)
args = ap.parse_args()

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

net = nn.Sequential(nn.Linear(1, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 1))


def sample_tasks(n, k):
    amp = 0.5 + 1.5 * torch.rand(n, 1, 1)
    phase = math.pi * torch.rand(n, 1, 1)
    x = 4 * torch.rand(n, 2 * k, 1) - 2
    y = amp * torch.sin(1.5 * x + phase)
    return x[:, :k], y[:, :k], x[:, k:], y[:, k:]


def task_loss(params, x, y):
    return ((functional_call(net, params, (x,)) - y) ** 2).mean()


def adapt(params, x, y):
    for _ in range(args.inner_steps):
        g = grad(task_loss)(params, x, y)
        params = {k: p - args.inner_lr * g[k] for k, p in params.items()}
    return params


def query_loss(params, xs, ys, xq, yq):
    return task_loss(adapt(params, xs, ys), xq, yq)


params = dict(net.named_parameters())
meta = torch.optim.Adam(params.values(), lr=3e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(meta, args.iterations)
history = []
for it in range(1, args.iterations + 1):
    batch = sample_tasks(args.tasks, args.shots)
    loss = vmap(query_loss, in_dims=(None, 0, 0, 0, 0))(params, *batch).mean()
    meta.zero_grad()
    loss.backward()
    meta.step()
    sched.step()
    history.append(loss.item())
    if it % 200 == 0:
        print(f"iteration {it} query loss after adaptation {sum(history[-200:]) / 200:.4f}")

xs, ys, xq, yq = sample_tasks(400, args.shots)
fixed = {k: p.detach() for k, p in params.items()}
before = vmap(task_loss, in_dims=(None, 0, 0))(fixed, xq, yq).mean().item()
after = vmap(query_loss, in_dims=(None, 0, 0, 0, 0))(fixed, xs, ys, xq, yq).mean().item()
print(f"new tasks: before {before:.3f} after {after:.3f}")
