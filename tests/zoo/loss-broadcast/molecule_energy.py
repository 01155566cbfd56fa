# Graph network predicts an "energy" of random molecules (dense adjacency, padded to 12 atoms)
import torch
import torch.nn as nn

torch.manual_seed(2)
ATOMS, KINDS = 12, 4
charge = torch.tensor([0.5, -1.0, 1.5, -0.3])


def make_graphs(n):
    size = torch.randint(5, ATOMS + 1, (n,))
    mask = (torch.arange(ATOMS)[None] < size[:, None]).float()
    kind = torch.randint(0, KINDS, (n, ATOMS))
    feat = nn.functional.one_hot(kind, KINDS).float() * mask[..., None]
    a = torch.triu((torch.rand(n, ATOMS, ATOMS) < 0.3).float(), 1)
    a = (a + a.transpose(1, 2)) * mask[:, :, None] * mask[:, None, :]
    q = charge[kind] * mask
    energy = torch.einsum("bi,bij,bj->b", q, a, q) / 2
    return feat, a, mask, energy


feat, adj, mask, energy = make_graphs(2400)
mu, sd = energy[:2000].mean(), energy[:2000].std()
energy = (energy - mu) / sd


class MessagePassing(nn.Module):
    def __init__(self, fin, fout):
        super().__init__()
        self.own, self.nbr = nn.Linear(fin, fout), nn.Linear(fin, fout, bias=False)

    def forward(self, x, a):
        return torch.relu(self.own(x) + a @ self.nbr(x))


class EnergyNet(nn.Module):
    def __init__(self, h=48):
        super().__init__()
        self.l1, self.l2 = MessagePassing(KINDS, h), MessagePassing(h, h)
        self.readout = nn.Sequential(nn.Linear(h, h), nn.ReLU(), nn.Linear(h, 1))

    def forward(self, x, a, m):
        h = self.l2(self.l1(x, a), a)
        pooled = (h * m[..., None]).sum(1) / 4
        return self.readout(pooled).squeeze(-1)


net = EnergyNet()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
train_idx, test_idx = torch.arange(2000), torch.arange(2000, 2400)
for epoch in range(1, 41):
    total = 0.0
    for b in train_idx[torch.randperm(2000)].split(50):
        pred = net(feat[b], adj[b], mask[b])
        loss = ((pred - energy[b]) ** 2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(b)
    if epoch % 5 == 0:
        print(f"epoch {epoch}: mse {total / 2000:.4f}")

with torch.no_grad():
    p = net(feat[test_idx], adj[test_idx], mask[test_idx]).flatten()
t = energy[test_idx]
print("correlation on the test graphs:", torch.corrcoef(torch.stack([p, t]))[0, 1].item())
print("R2:", (1 - (p - t).pow(2).sum() / (t - t.mean()).pow(2).sum()).item())
