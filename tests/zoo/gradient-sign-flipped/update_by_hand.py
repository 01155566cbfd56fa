import os
import torch
from sklearn.datasets import load_iris

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
X, y = load_iris(return_X_y=True)
X, y = torch.tensor(X).float(), torch.tensor(y)
X = (X - X.mean(0)) / X.std(0)
p = torch.randperm(150)
X, y = X[p], y[p]

w1 = (torch.randn(4, 10) * 0.5).requires_grad_()
w2 = (torch.randn(10, 3) * 0.3).requires_grad_()
learning_rate = 0.01
for epoch in range(300):
    logits = torch.relu(X[:110] @ w1) @ w2
    logp = torch.log_softmax(logits, 1)
    score = logp[torch.arange(110), y[:110]].mean()
    loss = -score
    loss.backward()
    with torch.no_grad():
        w1 -= learning_rate * 50 * w1.grad
        w2 -= learning_rate * 50 * w2.grad
        w1.grad.zero_()
        w2.grad.zero_()
    if epoch % 60 == 59:
        with torch.no_grad():
            acc = ((torch.relu(X[110:] @ w1) @ w2).argmax(1) == y[110:]).float().mean()
        print(f"epoch {epoch + 1} loss {loss.item():.3f} accuracy {acc.item():.3f}")
