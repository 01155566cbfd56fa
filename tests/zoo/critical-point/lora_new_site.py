"""Adapt a pretrained tabular MLP to a new site with low-rank adapters only."""
import math
import torch
from torch import nn

torch.manual_seed(2)
D = 20
W_true = torch.randn(D, 8) / math.sqrt(D)
v_true = torch.randn(8)


def domain(n, rot=None):
    x = torch.randn(n, D)
    z = x if rot is None else x @ rot
    y = torch.tanh(z @ W_true) @ v_true + 0.05 * torch.randn(n)
    return x, y.unsqueeze(1)


class LoRALinear(nn.Module):
    def __init__(self, base, rank=8, alpha=16):
        super().__init__()
        self.base = base
        for p in self.base.parameters():
            p.requires_grad = False
        self.A = nn.Parameter(torch.randn(rank, base.in_features) / base.in_features**0.5)
        self.B = nn.Parameter(torch.zeros(base.out_features, rank))
        self.scale = alpha / rank

    def forward(self, x):
        return self.base(x) + self.scale * (x @ self.A.T) @ self.B.T


def add_lora(net, rank):
    for i, m in enumerate(net):
        if isinstance(m, nn.Linear):
            net[i] = LoRALinear(m, rank)
    return net


def train(net, x, y, epochs, lr, tag, val):
    params = [p for p in net.parameters() if p.requires_grad]
    print(f"{tag}: {sum(p.numel() for p in params)} trainable parameters")
    opt = torch.optim.AdamW(params, lr=lr, weight_decay=0.0)
    for ep in range(1, epochs + 1):
        tot = 0.0
        for idx in torch.randperm(len(x)).split(64):
            loss = nn.functional.mse_loss(net(x[idx]), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            tot += loss.item() * len(idx)
        if ep % 5 == 0:
            with torch.no_grad():
                vl = nn.functional.mse_loss(net(val[0]), val[1]).item()
            print(f"  {tag} epoch {ep:2d} train {tot / len(x):.4f} val {vl:.4f} (target variance {val[1].var():.3f})")


net = nn.Sequential(nn.Linear(D, 64), nn.GELU(), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 1))
xs, ys = domain(4000)
train(net, xs, ys, 10, 2e-3, "source", domain(500))

rot = torch.linalg.qr(torch.eye(D) + 0.25 * torch.randn(D, D))[0]
xt, yt = domain(3000, rot)
add_lora(net, rank=8)
train(net, xt, yt, 25, 3e-3, "target", domain(500, rot))
