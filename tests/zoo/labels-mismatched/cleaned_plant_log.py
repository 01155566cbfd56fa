# Operating state of a pump from eight sensors; some log rows have dropouts (NaN) and are thrown away.
import os

import numpy as np
import torch
from torch import nn

SEED = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

cfg = dict(n=4000, states=5, epochs=25, batch=64, lr=2e-3, hidden=48)


def read_log():
    centres = np.random.default_rng(7).normal(0, 1.4, (cfg["states"], 8))
    state = rng.integers(0, cfg["states"], cfg["n"])
    sens = centres[state] + rng.normal(0, 0.7, (cfg["n"], 8))
    sens = sens * np.array([1, 20, 3, 0.1, 5, 300, 2, 1]) + np.array([0, 80, 4, 1, 5, 900, 0, 2])
    gone = rng.random(sens.shape) < 0.02
    sens[gone] = np.nan
    return sens.astype(np.float32), state


sensors, state = read_log()
ok = ~np.isnan(sensors).any(axis=1)
print("rows", len(sensors), "usable", int(ok.sum()))
sensors = sensors[ok]
state = state[ok]

order = rng.permutation(len(sensors))
sensors, state = sensors[order], state[order]
n_train = int(0.8 * len(sensors))
mean, std = sensors[:n_train].mean(0), sensors[:n_train].std(0)
sensors = (sensors - mean) / std
xtr, xva = torch.from_numpy(sensors[:n_train]), torch.from_numpy(sensors[n_train:])
ytr, yva = torch.from_numpy(state[:n_train]), torch.from_numpy(state[n_train:])

net = nn.Sequential(nn.Linear(8, cfg["hidden"]), nn.GELU(), nn.Linear(cfg["hidden"], cfg["states"]))
opt = torch.optim.NAdam(net.parameters(), lr=cfg["lr"])
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, cfg["epochs"])
loss_fn = nn.CrossEntropyLoss()

for epoch in range(cfg["epochs"]):
    net.train()
    losses = []
    for ids in torch.randperm(n_train).split(cfg["batch"]):
        loss = loss_fn(net(xtr[ids]), ytr[ids])
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        losses.append(loss.item())
    sched.step()
    net.eval()
    with torch.no_grad():
        out = net(xva)
        val, acc = loss_fn(out, yva).item(), (out.argmax(1) == yva).float().mean().item()
    print(f"{epoch:02d} train {np.mean(losses):.4f} val {val:.4f} acc {acc:.4f}")
