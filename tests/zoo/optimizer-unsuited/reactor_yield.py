import os

import numpy as np
import torch
import torch.nn as nn

cfg = dict(
    seed=int(os.environ.get("SEED", 0)),
    n=3000,
    batch_size=8,
    epochs=12,
    hidden=[64, 64],
)


def simulate(n, rng):
    """Yield of a stirred reactor from temperature, time, concentration, pH and two impurities."""
    temp = rng.uniform(300, 380, n)
    minutes = rng.uniform(5, 60, n)
    conc = rng.uniform(0.1, 2.0, n)
    ph = rng.uniform(4, 10, n)
    imp = rng.exponential(0.3, (n, 2))
    k1 = 0.05 * np.exp(6000 * (1 / 340 - 1 / temp))
    k2 = 0.01 * np.exp(9000 * (1 / 340 - 1 / temp))
    made = k1 / (k2 - k1 + 1e-6) * (np.exp(-k1 * minutes) - np.exp(-k2 * minutes))
    made = made * np.exp(-0.1 * (ph - 7) ** 2) * conc / (0.3 + conc)
    made = made - 0.1 * imp[:, 0] * imp[:, 1]
    y = made + rng.normal(0, 0.06, n)
    return np.column_stack([temp, minutes, conc, ph, imp]), y


def mlp(inputs, hidden):
    layers = []
    for h in hidden:
        layers += [nn.Linear(inputs, h), nn.ReLU()]
        inputs = h
    return nn.Sequential(*layers, nn.Linear(inputs, 1))


def batches(x, y, size):
    perm = torch.randperm(len(x))
    for i in range(0, len(x), size):
        idx = perm[i:i + size]
        yield x[idx], y[idx]


rng = np.random.default_rng(cfg["seed"])
torch.manual_seed(cfg["seed"])
X, Y = simulate(cfg["n"], rng)
cut = int(0.8 * cfg["n"])
mx, sx, my, sy = X[:cut].mean(0), X[:cut].std(0), Y[:cut].mean(), Y[:cut].std()
X = torch.tensor((X - mx) / sx, dtype=torch.float32)
Y = torch.tensor((Y - my) / sy, dtype=torch.float32).unsqueeze(1)
x_train, y_train, x_val, y_val = X[:cut], Y[:cut], X[cut:], Y[cut:]

net = mlp(X.shape[1], cfg["hidden"])
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
decay = torch.optim.lr_scheduler.CosineAnnealingLR(opt, cfg["epochs"])
loss_fn = nn.MSELoss()

for epoch in range(cfg["epochs"]):
    net.train()
    history = []
    for xb, yb in batches(x_train, y_train, cfg["batch_size"]):
        opt.zero_grad()
        loss = loss_fn(net(xb), yb)
        loss.backward()
        opt.step()
        history.append(loss.item())
    decay.step()
    net.eval()
    with torch.no_grad():
        val = loss_fn(net(x_val), y_val).item()
    print(f"{epoch:3d} train mse {np.mean(history):.4f} val mse {val:.4f}")

print(f"R2 {max(0.0, 1 - val / y_val.var().item()):.4f}")
