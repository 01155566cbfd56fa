"""Semi-supervised GCN with torch.sparse on a block model, 8 labels a class, masked loss."""
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(31)
N, C, K = 900, 6, 20
y = torch.randint(0, C, (N,))
P = torch.where(y[:, None] == y[None], 0.05, 0.004)
A = torch.bernoulli(P).triu(1)
A = A + A.T + torch.eye(N)
dis = A.sum(1).pow(-0.5)
S = (dis[:, None] * A * dis[None]).to_sparse()
X = torch.randn(C, K)[y] * 0.5 + torch.randn(N, K)

lab = torch.cat([(y == c).nonzero()[:8, 0] for c in range(C)])
rest = torch.tensor(sorted(set(range(N)) - set(lab.tolist())))
val, test = rest[:200], rest[200:]


class GCN(nn.Module):
    def __init__(self, hid=48):
        super().__init__()
        self.l1, self.l2 = nn.Linear(K, hid), nn.Linear(hid, C)
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        h = torch.sparse.mm(S, self.l1(self.drop(x))).relu()
        return torch.sparse.mm(S, self.l2(self.drop(h)))


net = GCN()
opt = torch.optim.Adam([{"params": net.l1.parameters(), "weight_decay": 5e-3}, {"params": net.l2.parameters()}], lr=0.01)
best, keep = 0.0, None
for ep in range(1, 121):
    net.train()
    loss = F.cross_entropy(net(X)[lab], y[lab])
    opt.zero_grad()
    loss.backward()
    opt.step()
    net.eval()
    with torch.no_grad():
        pred = net(X).argmax(1)
    v = (pred[val] == y[val]).float().mean().item()
    if v > best:
        best, keep = v, {k: p.clone() for k, p in net.state_dict().items()}
    if ep % 20 == 0:
        print(f"epoch {ep:3d}  loss {loss.item():.4f}  val {v:.3f}")
net.load_state_dict(keep)
net.eval()
print(f"best val {best:.3f}, test {(net(X).argmax(1)[test] == y[test]).float().mean().item():.3f}")
