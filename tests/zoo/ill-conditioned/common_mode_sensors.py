import os

import torch

torch.manual_seed(int(os.environ.get("SEED", 0)))

# ten sensors share one strong signal; what we want is in their differences
n, d = 3000, 10
common = torch.randn(n, 1)
sensors = common + 0.02 * torch.randn(n, d)
true_w = torch.randn(d)
true_w -= true_w.mean()
wanted = sensors @ true_w
X = (sensors - sensors[:2400].mean(0)) / sensors[:2400].std(0)
y = (wanted - wanted[:2400].mean()) / wanted[:2400].std() + 0.5 * common[:, 0]
y = y / y[:2400].std()
X = X @ torch.linalg.inv(torch.linalg.cholesky(X[:2400].T.cov())).T

w = torch.zeros(d, requires_grad=True)
b = torch.zeros((), requires_grad=True)
optimizer = torch.optim.SGD([w, b], lr=0.092)


def loss_of(rows):
    return (X[rows] @ w + b - y[rows]).square().mean()


train, test = slice(0, 2400), slice(2400, n)
for step in range(1, 1501):
    rows = torch.randint(0, 2400, (256,))
    loss = loss_of(rows)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 150 == 0:
        with torch.no_grad():
            print(f"step {step} train {loss_of(train).item():.5f} test {loss_of(test).item():.5f}")
