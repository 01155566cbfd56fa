"""Digits by Muon on the matrices and AdamW on the rest."""
import os

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
NAME, LR = "muon", 0.02
d = load_digits()
X = torch.tensor(d.data, dtype=torch.float32) / 8 - 1
y = torch.tensor(d.target)
order = torch.randperm(len(X))
X, y = X[order], y[order]
net = nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.LayerNorm(128), nn.Linear(128, 128), nn.GELU(), nn.LayerNorm(128), nn.Linear(128, 10))


class Lion(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                m = state.setdefault("exp_avg", torch.zeros_like(p))
                b1, b2 = group["betas"]
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_((b1 * m + (1 - b1) * p.grad).sign(), alpha=-group["lr"])
                m.mul_(b2).add_(p.grad, alpha=1 - b2)


class AdamWScheduleFree(torch.optim.Optimizer):
    def __init__(self, params, lr=2.5e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, warmup_steps=0):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, warmup_steps=warmup_steps, k=0, train_mode=False, weight_sum=0.0))

    @torch.no_grad()
    def eval(self):
        for g in self.param_groups:
            if g["train_mode"]:
                for p in g["params"]:
                    if "z" in self.state[p]:
                        p.lerp_(end=self.state[p]["z"], weight=1 - 1 / g["betas"][0])
                g["train_mode"] = False

    @torch.no_grad()
    def train(self):
        for g in self.param_groups:
            if not g["train_mode"]:
                for p in g["params"]:
                    if "z" in self.state[p]:
                        p.lerp_(end=self.state[p]["z"], weight=1 - g["betas"][0])
                g["train_mode"] = True

    @torch.no_grad()
    def step(self, closure=None):
        for g in self.param_groups:
            k, (b1, b2) = g["k"], g["betas"]
            lr = g["lr"] * min(1.0, (k + 1) / max(1, g["warmup_steps"]))
            weight = lr**2
            g["weight_sum"] += weight
            c = weight / g["weight_sum"]
            for p in g["params"]:
                if p.grad is None:
                    continue
                s = self.state[p]
                if "z" not in s:
                    s["z"], s["v"] = p.clone(), torch.zeros_like(p)
                s["v"].mul_(b2).addcmul_(p.grad, p.grad, value=1 - b2)
                step = p.grad / ((s["v"] / (1 - b2 ** (k + 1))).sqrt() + g["eps"])
                p.lerp_(end=s["z"], weight=c)
                p.add_(step, alpha=lr * (b1 * (1 - c) - 1))
                s["z"].sub_(step, alpha=lr)
            g["k"] = k + 1


matrices = [p for p in net[:-1].parameters() if p.ndim == 2]
others = [p for p in net.parameters() if not any(p is m for m in matrices)]
if NAME == "muon":
    opts = [torch.optim.Muon(matrices, lr=LR, weight_decay=0.0), torch.optim.AdamW(others, lr=1e-3)]
elif NAME == "lion":
    opts = [Lion(net.parameters(), lr=LR)]
elif NAME == "schedulefree":
    opts = [AdamWScheduleFree(net.parameters(), lr=LR)]
elif NAME == "adafactor":
    opts = [torch.optim.Adafactor(net.parameters(), lr=LR)]
elif NAME == "adam-l2":
    opts = [torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=LR)]
elif NAME == "adamw-decay":
    opts = [torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=LR)]
elif NAME == "sgd-decay":
    opts = [torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=LR)]
for epoch in range(int(os.environ.get("EPOCHS", 12))):
    net.train()
    for opt in opts:
        if hasattr(opt, "train"):
            opt.train()
    total = 0.0
    for idx in torch.randperm(1400).split(50):
        loss = nn.functional.cross_entropy(net(X[idx]), y[idx])
        for opt in opts:
            opt.zero_grad()
        loss.backward()
        for opt in opts:
            opt.step()
        total += loss.item()
    net.eval()
    for opt in opts:
        if hasattr(opt, "eval") and not os.environ.get("NOEVAL"):
            opt.eval()
    with torch.no_grad():
        out = net(X[1400:])
        acc = (out.argmax(1) == y[1400:]).float().mean().item()
        val = nn.functional.cross_entropy(out, y[1400:]).item()
    print(f"epoch {epoch + 1} loss {total / 28:.4f} val {val:.4f} accuracy {acc:.3f}")
