# Graph exercise: two-layer GCN on a stochastic block model, 20 labelled nodes per community
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(11)
K, per = 4, 120
N = K * per
label = torch.arange(K).repeat_interleave(per)
same = label[:, None] == label[None, :]
prob = torch.where(same, torch.tensor(0.06), torch.tensor(0.008))
A = torch.triu((torch.rand(N, N) < prob).float(), 1)
A = A + A.T
X = torch.randn(N, 16)
X[:, :K] += 0.7 * F.one_hot(label, K).float()

A_hat = A + torch.eye(N)
deg = A_hat.sum(1)
A_hat = (A_hat / deg.sqrt()[:, None]) / deg.sqrt()[None, :]

train_mask = torch.zeros(N, dtype=torch.bool)
for k in range(K):
    idx = (label == k).nonzero().flatten()
    train_mask[idx[torch.randperm(per)[:20]]] = True
test_mask = ~train_mask


class GCN(nn.Module):
    def __init__(self, fin, hid, out):
        super().__init__()
        self.w1 = nn.Linear(fin, hid, bias=False)
        self.w2 = nn.Linear(hid, out, bias=False)

    def forward(self, a, x):
        x = F.dropout(x, 0.3, self.training)
        h = F.relu(a @ self.w1(x))
        h = F.dropout(h, 0.5, self.training)
        return a @ self.w2(h)


model = GCN(16, 32, K)
opt = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-3)
for epoch in range(301):
    model.train()
    opt.zero_grad()
    loss = F.cross_entropy(model(A_hat, X)[train_mask], label[train_mask])
    loss.backward()
    opt.step()
    if epoch % 50 == 0:
        model.eval()
        with torch.no_grad():
            pred = model(A_hat, X).argmax(1)
        tr = (pred == label)[train_mask].float().mean()
        te = (pred == label)[test_mask].float().mean()
        print(f"{epoch:4d} loss {loss.item():.3f} train {tr:.3f} test {te:.3f}")

# compare: same features without the graph
from sklearn.linear_model import LogisticRegression
lr = LogisticRegression(max_iter=500).fit(X[train_mask].numpy(), label[train_mask].numpy())
print("logistic regression without edges:", lr.score(X[test_mask].numpy(), label[test_mask].numpy()))
