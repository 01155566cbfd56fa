import os
import torch, torch.nn.functional as F
from torch import nn
from sklearn.datasets import load_digits

torch.manual_seed(int(os.environ.get("SEED", 0)))
x = torch.tensor(load_digits().data / 16, dtype=torch.float32)
train, test = x[:1500], x[1500:]


class VQ(nn.Module):
    def __init__(self, k=64, d=8, parts=8):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, d * parts))
        self.dec = nn.Sequential(nn.Linear(d * parts, 128), nn.ReLU(), nn.Linear(128, 64))
        self.codes = nn.Embedding(k, d)
        nn.init.uniform_(self.codes.weight, -0.5, 0.5)
        self.d, self.parts = d, parts

    def forward(self, x):
        z = self.enc(x).view(len(x), self.parts, self.d)
        dist = torch.cdist(z.reshape(-1, self.d), self.codes.weight)
        q = self.codes(dist.argmin(1)).view_as(z)
        vq = F.mse_loss(q, z.detach()) + 0.25 * F.mse_loss(z, q.detach())
        q = z + (q - z).detach()
        return self.dec(q.flatten(1)), vq


model = VQ()
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(25):
    for i in torch.randperm(len(train)).split(64):
        out, vq = model(train[i])
        loss = F.mse_loss(out, train[i]) + vq
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        out, _ = model(test)
        print(epoch, loss.item(), F.mse_loss(out, test).item())
