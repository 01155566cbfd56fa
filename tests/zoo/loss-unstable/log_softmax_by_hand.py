import os
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
d = load_digits()
X, y = torch.tensor(d.data).float(), torch.tensor(d.target)
X = (X - X.mean()) / X.std()
p = torch.randperm(len(X))


def cross_entropy(logits, target):
    return nn.functional.cross_entropy(logits, target)
    probs = e / e.sum(1, keepdim=True)
    return -torch.log(probs[torch.arange(len(target)), target]).mean()


class CosineHead(nn.Module):
    def __init__(self, d, c, scale=400.0):
        super().__init__()
        self.w, self.scale = nn.Parameter(torch.randn(c, d)), scale

    def forward(self, h):
        return self.scale * nn.functional.normalize(h, dim=1) @ nn.functional.normalize(self.w, dim=1).T


net = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 24), CosineHead(24, 10))
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
for epoch in range(15):
    for b in p[:1400][torch.randperm(1400)].split(35):
        loss = cross_entropy(net(X[b]), y[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 3 == 2:
        with torch.no_grad():
            acc = (net(X[p[1400:]]).argmax(1) == y[p[1400:]]).float().mean()
        print("epoch", epoch + 1, "loss", loss.item(), "accuracy", acc.item())
