# Neural network from (almost) scratch: tensors + autograd, no torch.nn, no torch.optim
import torch
from sklearn.datasets import load_digits

torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.data, dtype=torch.float32) / 16.0
y = torch.tensor(digits.target)
perm = torch.randperm(len(x))
x, y = x[perm], y[perm]
x_train, y_train, x_test, y_test = x[:1400], y[:1400], x[1400:], y[1400:]

D, H, C = 64, 50, 10
W1 = (torch.randn(D, H) * (2 / D) ** 0.5).requires_grad_()
b1 = torch.zeros(H, requires_grad=True)
W2 = (torch.randn(H, C) * (2 / H) ** 0.5).requires_grad_()
b2 = torch.zeros(C, requires_grad=True)
params = [W1, b1, W2, b2]


def forward(inp):
    hidden = torch.clamp(inp @ W1 + b1, min=0)
    return hidden @ W2 + b2


def cross_entropy(scores, target):
    logp = scores - torch.logsumexp(scores, dim=1, keepdim=True)
    return -logp[torch.arange(len(target)), target].mean()


learning_rate = 0.2
losses = []
for epoch in range(30):
    order = torch.randperm(len(x_train))
    for start in range(0, len(order), 50):
        idx = order[start:start + 50]
        loss = cross_entropy(forward(x_train[idx]), y_train[idx])
        loss.backward()
        with torch.no_grad():
            for p in params:
                p -= learning_rate * p.grad
                p.grad.zero_()
        losses.append(loss.item())
    if epoch % 3 == 2:
        with torch.no_grad():
            acc = (forward(x_test).argmax(1) == y_test).float().mean().item()
        print("epoch %2d | loss %8.4f | test accuracy %.3f" % (epoch + 1, sum(losses[-28:]) / 28, acc))
