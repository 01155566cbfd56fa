"""Graph attention written with index_add and a softmax over the edges that enter a node."""
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(22)
N, C, K, DEG = 1200, 4, 10, 8
y = torch.randint(0, C, (N,))
dst = torch.arange(N).repeat_interleave(DEG)
cand = torch.randint(0, N, (N * DEG, 12))
same = (y[cand] == y[dst][:, None]).float()
src = cand.gather(1, torch.multinomial(0.12 + same, 1)).squeeze(1)
src, dst = torch.cat([src, torch.arange(N)]), torch.cat([dst, torch.arange(N)])
X = torch.randn(C, K)[y] * 0.4 + torch.randn(N, K)


def edge_softmax(e, dst, n):
    top = torch.full((n, e.size(1)), -1e30).index_reduce(0, dst, e.detach(), "amax")
    w = (e - top[dst]).exp()
    z = torch.zeros(n, e.size(1)).index_add(0, dst, w)
    return w / z[dst]


class GAT(nn.Module):
    def __init__(self, i, o, heads):
        super().__init__()
        self.h, self.o = heads, o
        self.w = nn.Linear(i, heads * o, bias=False)
        self.al, self.ar = nn.Parameter(torch.randn(heads, o) * 0.1), nn.Parameter(torch.randn(heads, o) * 0.1)

    def forward(self, x):
        z = self.w(x).view(-1, self.h, self.o)
        e = F.leaky_relu((z * self.al).sum(2)[src] + (z * self.ar).sum(2)[dst], 0.2)
        a = F.dropout(edge_softmax(e, dst, len(x)), 0.1, self.training)
        return torch.zeros_like(z).index_add(0, dst, a.unsqueeze(2) * z[src]).flatten(1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.g1, self.g2, self.out = GAT(K, 12, 3), GAT(36, 12, 2), nn.Linear(24, C)

    def forward(self, x):
        return self.out(F.elu(self.g2(F.elu(self.g1(x)))))


p = torch.randperm(N)
tr, te = p[:300], p[300:]
net = Net()
opt = torch.optim.Adam(net.parameters(), lr=0.01, weight_decay=1e-3)
for ep in range(1, 61):
    net.train()
    loss = F.cross_entropy(net(X)[tr], y[tr])
    opt.zero_grad()
    loss.backward()
    opt.step()
    if ep % 10 == 0:
        net.eval()
        with torch.no_grad():
            hit = (net(X).argmax(1) == y).float()
        print(f"epoch {ep:2d} loss {loss.item():.4f} train {hit[tr].mean():.3f} test {hit[te].mean():.3f}")
