"""Low-rank adaptation demo: base MLP knows the digits, adapters teach it their mirror images."""
import torch
import torch.nn as nn
from sklearn.datasets import load_digits


class LoRALinear(nn.Module):
    def __init__(self, base: nn.Linear, r: int = 6, alpha: float = 12.0):
        super().__init__()
        self.base = base
        for q in self.base.parameters():
            q.requires_grad_(False)
        self.A = nn.Parameter(torch.randn(r, base.in_features) / base.in_features ** 0.5)
        self.B = nn.Parameter(torch.zeros(base.out_features, r))
        self.scale = alpha / r

    def forward(self, x):
        return self.base(x) + self.scale * (x @ self.A.T) @ self.B.T


def batches(X, y, bs=64):
    for idx in torch.randperm(len(X)).split(bs):
        yield X[idx], y[idx]


def accuracy(net, X, y):
    with torch.no_grad():
        return (net(X).argmax(-1) == y).float().mean().item()


def train(net, X, y, Xv, yv, lr, epochs, tag):
    trainable = [p for p in net.parameters() if p.requires_grad]
    print(f"{tag}: {sum(p.numel() for p in trainable)} trainable parameters")
    opt = torch.optim.AdamW(trainable, lr=lr)
    for ep in range(epochs):
        tot = 0.0
        for xb, yb in batches(X, y):
            loss = nn.functional.cross_entropy(net(xb), yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            tot += loss.item() * len(xb)
        if (ep + 1) % (epochs // 4) == 0:
            print(f"{tag} epoch {ep + 1}: loss {tot / len(X):.4f} val acc {accuracy(net, Xv, yv):.3f}")


torch.manual_seed(12)
data = load_digits()
X = torch.tensor(data.data, dtype=torch.float32) / 16
y = torch.tensor(data.target)
perm = torch.randperm(len(X))
tr, va = perm[:1400], perm[1400:]
net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
train(net, X[tr], y[tr], X[va], y[va], 2e-3, 20, "pretrain")
N = X.view(-1, 8, 8).flip(2).flatten(1)
print("mirror images before adaptation:", round(accuracy(net, N[va], y[va]), 3))
for i in (0, 2, 4):
    net[i] = LoRALinear(net[i])
train(net, N[tr], y[tr], N[va], y[va], 4e-3, 60, "lora")
