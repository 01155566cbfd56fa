"""Learned forward model of a torque-driven pendulum: (cos, sin, velocity, torque) -> change of state."""

import os

import numpy as np
import torch
import torch.nn as nn

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)


def mlp(sizes, activation, output_activation=nn.Identity):
    layers = []
    for j in range(len(sizes) - 1):
        act = activation if j < len(sizes) - 2 else output_activation
        layers += [nn.Linear(sizes[j], sizes[j + 1]), act()]
    return nn.Sequential(*layers)


def simulate(theta, omega, torque, dt=0.05, substeps=4):
    for _ in range(substeps):
        omega = omega + dt * (-9.8 * np.sin(theta) + 2.0 * torque - 0.15 * omega * np.abs(omega))
        theta = theta + dt * omega
    return theta, omega


def collect(n):
    theta = np.random.uniform(-np.pi, np.pi, n)
    omega = np.random.uniform(-6, 6, n)
    torque = np.random.uniform(-2, 2, n)
    theta2, omega2 = simulate(theta, omega, torque)
    obs = np.stack([np.cos(theta), np.sin(theta), omega / 3.5, torque / 1.2], 1)
    delta = np.stack([np.cos(theta2) - np.cos(theta), np.sin(theta2) - np.sin(theta), (omega2 - omega) / 3.5], 1)
    delta += 0.01 * np.random.randn(*delta.shape)
    return torch.tensor(obs, dtype=torch.float32), torch.tensor(delta, dtype=torch.float32)


class ReplayBuffer:
    def __init__(self, obs, delta):
        self.obs, self.delta = obs, delta

    def sample(self, size):
        i = torch.randint(len(self.obs), (size,))
        return self.obs[i], self.delta[i]


obs, delta = collect(20000)
mean, std = delta.mean(0), delta.std(0)
buffer = ReplayBuffer(obs, (delta - mean) / std)
test_obs, test_delta = collect(4000)
test_delta = (test_delta - mean) / std

model = mlp([4, 64, 64, 3], nn.ReLU)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
iterations = 4000
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda i: 1 - i / iterations)
for it in range(iterations):
    o, d = buffer.sample(128)
    loss = ((model(o) - d) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if it % 400 == 0:
        print(f"it {it} model loss {loss.item():.4f}")

with torch.no_grad():
    err = ((model(test_obs) - test_delta) ** 2).mean(0)
    r2 = 1 - err / test_delta.var(0)
print("R2 by component", [round(v, 3) for v in r2.tolist()])
print(f"mean R2 {r2.mean():.3f}")
