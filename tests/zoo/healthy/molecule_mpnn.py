"""Message passing on molecule-like random graphs, graph-level regression with padding masks."""
import torch
import torch.nn as nn

torch.manual_seed(18)
MAXN, TYPES = 10, 4
charge = torch.tensor([0.0, 1.0, -1.0, 2.0])


def molecules(n):
    size = torch.randint(5, MAXN + 1, (n,))
    mask = (torch.arange(MAXN)[None] < size[:, None]).float()
    types = torch.randint(0, TYPES, (n, MAXN))
    up = torch.triu((torch.rand(n, MAXN, MAXN) < 0.3).float(), 1)
    adj = (up + up.transpose(1, 2)) * mask[:, None] * mask[:, :, None]
    c = charge[types] * mask
    y = 0.5 * torch.einsum("bi,bij,bj->b", c, adj, c) + 0.3 * c.sum(1)     # bond energy + total charge
    return nn.functional.one_hot(types, TYPES).float() * mask[..., None], adj, mask, y


class MPNN(nn.Module):
    def __init__(self, h=32, rounds=2):
        super().__init__()
        self.embed = nn.Linear(TYPES, h)
        self.msg, self.upd = nn.Linear(h, h), nn.GRUCell(h, h)
        self.rounds = rounds
        self.read = nn.Sequential(nn.Linear(2 * h, h), nn.ReLU(), nn.Linear(h, 1))

    def forward(self, x, adj, mask):
        b = x.shape[0]
        h0 = h = self.embed(x)
        for _ in range(self.rounds):
            m = adj @ self.msg(h)
            h = self.upd(m.flatten(0, 1), h.flatten(0, 1)).view(b, MAXN, -1)
        node = self.read(torch.cat([h0, h], -1)).squeeze(-1)
        return (node * mask).sum(1)


train, test = molecules(3000), molecules(600)
mu, sd = train[3].mean(), train[3].std()
net = MPNN()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
sched = torch.optim.lr_scheduler.StepLR(opt, 8, 0.5)
for ep in range(1, 25):
    total = 0.0
    for idx in torch.randperm(3000).split(100):
        x, a, m, y = (t[idx] for t in train)
        loss = nn.functional.mse_loss(net(x, a, m), (y - mu) / sd)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / 30
    sched.step()
    if ep % 4 == 0:
        with torch.no_grad():
            p = net(*test[:3]) * sd + mu
        print(f"epoch {ep:2d} train {total:.4f} test MAE {(p - test[3]).abs().mean():.3f} "
              f"(mean predictor {(test[3] - mu).abs().mean():.3f})")
