"""LoRA (B starts at zero) on the attention of a frozen sequence classifier that is moved to a second task."""
import math
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(15)
V, T, D = 12, 10, 48


class Lora(nn.Module):
    def __init__(self, lin, r=6):
        super().__init__()
        self.lin = lin.requires_grad_(False)
        self.down = nn.Parameter(torch.empty(r, lin.in_features))
        self.up = nn.Parameter(torch.zeros(lin.out_features, r))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, x):
        return self.lin(x) + 2.0 * (x @ self.down.T @ self.up.T)


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(D, D) for _ in range(4))
        self.f1, self.f2 = nn.Linear(D, 2 * D), nn.Linear(2 * D, D)
        self.n1, self.n2 = nn.LayerNorm(D), nn.LayerNorm(D)

    def forward(self, x):
        h = self.n1(x)
        b, t, _ = h.shape
        q, k, v = (m(h).view(b, t, 4, -1).transpose(1, 2) for m in (self.q, self.k, self.v))
        x = x + self.o(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, D))
        return x + self.f2(F.gelu(self.f1(self.n2(x))))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.tok, self.pos = nn.Embedding(V, D), nn.Parameter(torch.randn(T, D) * 0.1)
        self.layers = nn.Sequential(Layer(), Layer())
        self.norm, self.head = nn.LayerNorm(D), nn.Linear(D, V)

    def forward(self, s):
        return self.head(self.norm(self.layers(self.tok(s) + self.pos).mean(1)))


def task_a(n):                       # the largest token
    s = torch.randint(0, V, (n, T))
    return s, s.max(1).values


def task_b(n):                       # the smallest token
    s = torch.randint(0, V, (n, T))
    return s, s.min(1).values


def train(net, task, params, lr, steps, name):
    opt = torch.optim.AdamW(params, lr=lr, weight_decay=0.0)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, lr, total_steps=steps, pct_start=0.1)
    for i in range(1, steps + 1):
        s, y = task(64)
        loss = F.cross_entropy(net(s), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        if i % 100 == 0:
            with torch.no_grad():
                s, y = task(500)
                print(f"{name} step {i}  loss {loss.item():.4f}  acc {(net(s).argmax(1) == y).float().mean():.3f}")


net = Net()
train(net, task_a, net.parameters(), 3e-3, 300, "max")
net.requires_grad_(False)
for l in net.layers:
    for m in ("q", "k", "v", "o", "f1", "f2"):
        setattr(l, m, Lora(getattr(l, m)))
net.head.requires_grad_(True)
train(net, task_b, [p for p in net.parameters() if p.requires_grad], 6e-3, 300, "min (lora)")
