"""GraphSAGE with index_add aggregation; a node's class is decided by what surrounds it."""
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(17)
N, DEG, FEAT, C = 1500, 6, 12, 4


def build():
    src = torch.randint(0, N, (N * DEG,))
    dst = torch.arange(N).repeat_interleave(DEG)
    x = torch.randn(N, FEAT)
    neigh = torch.zeros(N, FEAT).index_add(0, dst, x[src]) / DEG
    proj = torch.randn(FEAT, C)
    return x, torch.stack([src, dst]), (neigh @ proj).argmax(1)


def mean_neighbours(x, edges):
    src, dst = edges
    out = torch.zeros_like(x).index_add(0, dst, x[src])
    cnt = torch.zeros(x.size(0)).index_add(0, dst, torch.ones(dst.numel()))
    return out / cnt.clamp(min=1).unsqueeze(1)


class Aggregate(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.lin = nn.Linear(i, o, bias=False)

    def forward(self, x, edges):
        return self.lin(mean_neighbours(x, edges))


class SageLayer(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.own = nn.Linear(i, o)
        self.agg = Aggregate(i, o)
        self.norm = nn.LayerNorm(o)

    def forward(self, x, edges):
        h = self.own(x) + self.agg(x, edges)
        return self.norm(h)


class Sage(nn.Module):
    def __init__(self, hid=48):
        super().__init__()
        self.a, self.b = SageLayer(FEAT, hid), SageLayer(hid, hid)
        self.cls = nn.Linear(hid, C)

    def forward(self, x, e):
        h = F.elu(self.a(x, e))
        return self.cls(F.elu(self.b(h, e)) + h)


x, edges, y = build()
perm = torch.randperm(N)
tr, te = perm[:1000], perm[1000:]
net = Sage()
opt = torch.optim.AdamW(net.parameters(), lr=5e-3, weight_decay=5e-3)
for epoch in range(1, 81):
    net.train()
    loss = F.cross_entropy(net(x, edges)[tr], y[tr])
    opt.zero_grad()
    loss.backward()
    opt.step()
    if epoch % 16 == 0:
        net.eval()
        with torch.no_grad():
            hit = net(x, edges).argmax(1) == y
        print(f"epoch {epoch:3d}  loss {loss.item():.4f}  train {hit[tr].float().mean():.3f}  test {hit[te].float().mean():.3f}")
