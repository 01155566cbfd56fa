"""Logistic regression by full-batch L-BFGS, compared with scikit-learn; a handful of outer steps is all it takes."""
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.manual_seed(0)
X, y = load_breast_cancer(return_X_y=True)
xtr, xte, ytr, yte = train_test_split(X, y, test_size=0.3, random_state=5, stratify=y)
sc = StandardScaler().fit(xtr)
xtr, xte = sc.transform(xtr), sc.transform(xte)
Xt, Yt = torch.tensor(xtr), torch.tensor(ytr, dtype=torch.float64)
Xv, Yv = torch.tensor(xte), torch.tensor(yte)

lin = nn.Linear(X.shape[1], 1, dtype=torch.float64)
nn.init.zeros_(lin.weight)
nn.init.zeros_(lin.bias)
opt = torch.optim.LBFGS(lin.parameters(), lr=1.0, max_iter=5, line_search_fn="strong_wolfe")
C = 1.0


def objective():
    z = lin(Xt).squeeze(1)
    data = nn.functional.binary_cross_entropy_with_logits(z, Yt)
    return data + lin.weight.pow(2).sum() / (2 * C * len(Yt))


def closure():
    opt.zero_grad()
    loss = objective()
    loss.backward()
    return loss


for it in range(1, 8):
    opt.step(closure)
    with torch.no_grad():
        cur = objective().item()
        g = sum(p.grad.norm() ** 2 for p in lin.parameters()).sqrt().item()
        acc = ((lin(Xv).squeeze(1) > 0).long() == Yv).double().mean().item()
    print(f"step {it:2d} objective {cur:.6f} |grad| {g:.2e} test acc {acc:.4f}")

ref = LogisticRegression(C=C, max_iter=5000, tol=1e-8).fit(xtr, ytr)
print(f"sklearn test acc {ref.score(xte, yte):.4f}, largest coefficient difference "
      f"{abs(ref.coef_[0] - lin.weight.detach().numpy()[0]).max():.4f}")
