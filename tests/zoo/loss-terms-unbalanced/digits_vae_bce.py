"""VAE of scikit-learn's digits with a Bernoulli decoder, sums of everything, torch.distributions for the divergence."""
import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.distributions import Normal, kl_divergence

torch.manual_seed(int(os.environ.get("SEED", "0")))
pictures = torch.tensor(load_digits().data, dtype=torch.float32) / 16
train, test = pictures[:1500], pictures[1500:]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(64, 128)
        self.mu, self.scale = nn.Linear(128, 8), nn.Linear(128, 8)
        self.up, self.out = nn.Linear(8, 128), nn.Linear(128, 64)

    def encode(self, x):
        h = torch.relu(self.hidden(x))
        return Normal(self.mu(h), F.softplus(self.scale(h)) + 1e-3)

    def decode(self, z):
        return self.out(torch.relu(self.up(z)))


net = Net()
prior = Normal(torch.zeros(8), torch.ones(8))
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
for epoch in range(30):
    total = 0.0
    for rows in torch.randperm(len(train)).split(50):
        x = train[rows]
        q = net.encode(x)
        z = q.rsample()
        reconstruction = F.binary_cross_entropy_with_logits(net.decode(z), x, reduction="sum")
        kl = kl_divergence(q, prior).sum()
        loss = (reconstruction + kl) / len(x)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(x)
    if epoch % 6 == 5:
        print(f"epoch {epoch + 1} -elbo {total / len(train):.2f}")
with torch.no_grad():
    q = net.encode(test)
    x = torch.sigmoid(net.decode(q.mean))
    print(f"mse {F.mse_loss(x, test).item():.4f}")
