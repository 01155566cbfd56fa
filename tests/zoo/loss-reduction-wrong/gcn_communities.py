"""Semi-supervised node classification on a stochastic block model; dense GCN, full batch."""
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(21)
N, C, FEAT, PER_CLASS = 1200, 5, 24, 5


def make_graph():
    y = torch.randint(0, C, (N,))
    same = y[:, None] == y[None]
    prob = torch.where(same, 0.03, 0.004)
    A = torch.bernoulli(prob).triu(1)
    A = A + A.T
    centres = torch.randn(C, FEAT) * 0.6
    return A, centres[y] + torch.randn(N, FEAT), y


A, X, y = make_graph()
A_hat = A + torch.eye(N)
dinv = A_hat.sum(1).rsqrt()
A_hat = dinv[:, None] * A_hat * dinv[None]

train_mask = torch.zeros(N)
for c in range(C):
    train_mask[(y == c).nonzero().squeeze(1)[:PER_CLASS]] = 1
test_mask = train_mask == 0


class GCN(nn.Module):
    def __init__(self, hid=32):
        super().__init__()
        self.w1 = nn.Linear(FEAT, hid)
        self.w2 = nn.Linear(hid, C)

    def forward(self, A, x):
        h = F.relu(A @ self.w1(x))
        h = F.dropout(h, 0.2, self.training)
        return A @ self.w2(h)


model = GCN()
opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

for epoch in range(1, 151):
    model.train()
    ce = F.cross_entropy(model(A_hat, X), y, reduction="none")
    loss = (ce * train_mask).sum() / train_mask.sum()
    opt.zero_grad()
    loss.backward()
    opt.step()
    if epoch % 25 == 0:
        model.eval()
        with torch.no_grad():
            pred = model(A_hat, X).argmax(1)
        hit = (pred == y).float()
        print(f"epoch {epoch:3d} loss {loss.item():.4f} train acc {(hit * train_mask).sum() / train_mask.sum():.3f} "
              f"test acc {hit[test_mask].mean():.3f}")
