"""Tell preferential-attachment graphs from random ones (no node attributes in the source data)."""
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
N_NODES = 24


def random_graph(m):
    a = torch.zeros(N_NODES, N_NODES)
    pairs = torch.triu_indices(N_NODES, N_NODES, 1)
    pick = torch.randperm(pairs.shape[1])[:m]
    a[pairs[0, pick], pairs[1, pick]] = 1
    return a + a.T


def attachment_graph(k=2):
    a = torch.zeros(N_NODES, N_NODES)
    a[0, 1] = a[1, 0] = 1
    for v in range(2, N_NODES):
        deg = a.sum(1)[:v]
        for u in torch.multinomial(deg, min(k, v)).tolist():
            a[v, u] = a[u, v] = 1
    return a


def build(n):
    mats, ys = [], []
    for i in range(n):
        y = i % 2
        mats.append(attachment_graph() if y else random_graph(45))
        ys.append(y)
    return torch.stack(mats), torch.tensor(ys)


class GraphDataset(torch.utils.data.Dataset):
    def __init__(self, n):
        adj, self.y = build(n)
        adj = adj + torch.eye(N_NODES)
        self.adj = adj / adj.sum(-1, keepdim=True)
        self.x = adj.sum(-1, keepdim=True).log()

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.adj[i], self.y[i]


class GraphNet(nn.Module):
    def __init__(self, d_in, hid=32):
        super().__init__()
        self.l1, self.l2 = nn.Linear(d_in, hid), nn.Linear(hid, hid)
        self.cls = nn.Linear(2 * hid, 2)

    def forward(self, x, adj):
        h = F.relu(self.l1(adj @ x))
        h = F.relu(self.l2(adj @ h))
        return self.cls(torch.cat([h.mean(1), h.amax(1)], -1))


train, test = GraphDataset(600), GraphDataset(200)
dl = torch.utils.data.DataLoader(train, batch_size=32, shuffle=True)
net = GraphNet(train.x.shape[-1])
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
for ep in range(25):
    tot = hit = 0
    for x, a, y in dl:
        out = net(x, a)
        loss = F.cross_entropy(out, y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        tot += loss.item() * len(y)
        hit += (out.argmax(1) == y).sum().item()
    if (ep + 1) % 5 == 0:
        with torch.no_grad():
            acc = (net(test.x, test.adj).argmax(1) == test.y).float().mean()
        print(f"[{ep + 1:02d}] loss={tot / len(train):.4f} train_acc={hit / len(train):.3f} test_acc={acc:.3f}")
