# Wind turbine power with uncertainty: the network gives a mean and a log variance
import os
import numpy as np
import torch
import torch.nn as nn

SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)


def turbine(n):
    speed = np.random.weibull(2.2, n) * 9
    direction = np.random.uniform(0, 2 * np.pi, n)
    density = np.random.normal(1.2, 0.05, n)
    power = 1 / (1 + np.exp(-(speed - 8.5) / 1.3)) * (density / 1.2)
    power = power * (1 - 0.15 * (np.cos(direction) > 0.8))
    noise = 0.02 + 0.08 * np.exp(-(((speed - 8.5) / 3) ** 2))
    x = np.stack([speed, np.sin(direction), np.cos(direction), density], 1)
    return x.astype("float32"), (power + noise * np.random.randn(n)).astype("float32")


class MeanVarianceNet(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(d, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh())
        self.mean = nn.Linear(40, 1)
        self.logvar = nn.Linear(40, 1)

    def forward(self, x):
        h = self.trunk(x)
        return self.mean(h), self.logvar(h).clamp(-7, 4)


def nll(mean, logvar, target):
    return 0.5 * (logvar + (target - mean) ** 2 * torch.exp(-logvar)).mean()


x_train, y_train = turbine(2500)
x_test, y_test = turbine(700)
mu, sd = x_train.mean(0), x_train.std(0)
y_mu, y_sd = y_train.mean(), y_train.std()
x_train = torch.from_numpy((x_train - mu) / sd)
x_test = torch.from_numpy((x_test - mu) / sd)
y_train = torch.from_numpy((y_train - y_mu) / y_sd)

model = MeanVarianceNet(4)
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=1e-4)
epochs, batch = 30, 50
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

for epoch in range(1, epochs + 1):
    perm = torch.randperm(len(x_train))
    total = 0.0
    for i in range(0, len(perm), batch):
        j = perm[i : i + batch]
        mean, logvar = model(x_train[j])
        target = y_train[j].unsqueeze(1)
        loss = nll(mean, logvar, target)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
        total += loss.item() * len(j)
    scheduler.step()
    if epoch % 5 == 0:
        print("epoch", epoch, "nll %.4f" % (total / len(perm)))

with torch.no_grad():
    mean, logvar = model(x_test)
pred = mean.squeeze(1).numpy() * y_sd + y_mu
std = np.exp(0.5 * logvar.squeeze(1).numpy()) * y_sd
r2 = 1 - np.mean((pred - y_test) ** 2) / y_test.var()
cover = np.mean(np.abs(pred - y_test) < 1.64 * std)
print("test R2 %.3f, coverage of the 90%% interval %.3f" % (r2, cover))
