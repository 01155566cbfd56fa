import os
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
X, y = load_breast_cancer(return_X_y=True)
Xt, Xv, yt, yv = train_test_split(X, y, test_size=0.3, random_state=seed, stratify=y)
mu, sd = Xt.mean(0), Xt.std(0)
Xt, Xv = (torch.tensor((a - mu) / sd, dtype=torch.float64) for a in (Xt, Xv))
yt, yv = torch.tensor(yt, dtype=torch.float64), torch.tensor(yv, dtype=torch.float64)

w = torch.zeros(30, dtype=torch.float64, requires_grad=True)
b = torch.zeros((), dtype=torch.float64, requires_grad=True)
optimizer = torch.optim.LBFGS([w, b], lr=1.0, max_iter=4, line_search_fn="strong_wolfe")
ridge = 1e-2


def nll(X, y):
    return torch.nn.functional.binary_cross_entropy_with_logits(X @ w + b, y)


def closure():
    optimizer.zero_grad()
    loss = nll(Xt, yt) + ridge * (w**2).sum()
    loss.backward()
    return loss


for outer in range(25):
    loss = optimizer.step(closure)
    if outer % 5 == 4:
        with torch.no_grad():
            acc = (((Xv @ w + b) > 0) == (yv > 0.5)).double().mean()
        print(f"{outer + 1}: objective {loss.item():.6f} validation {nll(Xv, yv).item():.4f} accuracy {acc:.4f}")
