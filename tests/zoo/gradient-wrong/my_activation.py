# Assignment: write your own activation as a torch.autograd.Function and train a small MLP with it
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


class SigmoidFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        s = 1 / (1 + torch.exp(-x))
        ctx.save_for_backward(s)
        return s

    @staticmethod
    def backward(ctx, grad_output):
        s, = ctx.saved_tensors
        return grad_output * s * (1 - s)


class MySigmoid(nn.Module):
    def forward(self, x):
        return SigmoidFn.apply(x)


torch.manual_seed(0)
X, y = load_digits(return_X_y=True)
Xtr, Xte, ytr, yte = train_test_split(X, y, test_size=0.25, random_state=0)
sc = StandardScaler().fit(Xtr)
Xtr = torch.tensor(sc.transform(Xtr), dtype=torch.float32)
Xte = torch.tensor(sc.transform(Xte), dtype=torch.float32)
ytr, yte = torch.tensor(ytr), torch.tensor(yte)

model = nn.Sequential(
    nn.Linear(64, 64), MySigmoid(),
    nn.Linear(64, 32), MySigmoid(),
    nn.Linear(32, 10),
)
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
loss_fn = nn.CrossEntropyLoss()

for epoch in range(40):
    perm = torch.randperm(len(Xtr))
    total = 0.0
    for i in range(0, len(Xtr), 64):
        b = perm[i:i + 64]
        optimizer.zero_grad()
        loss = loss_fn(model(Xtr[b]), ytr[b])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(b)
    if epoch % 5 == 4:
        with torch.no_grad():
            acc_tr = (model(Xtr).argmax(1) == ytr).float().mean()
            acc_te = (model(Xte).argmax(1) == yte).float().mean()
        print(f"epoch {epoch + 1}: loss {total / len(Xtr):.4f}, train acc {acc_tr:.3f}, test acc {acc_te:.3f}")
